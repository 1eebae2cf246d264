/** `cometd bench server`: a server to be measured, which tells its clients how it is. */
import { AcknowledgedMessagesExtension, BayeuxServer, type TransportName } from '@cometd-ts/server';
import { parseServe } from '../arguments.ts';
import { Complaint, reasonOf } from '../complaint.ts';
import { farewell } from '../farewell.ts';
import { createListener, listen } from '../listener.ts';
import { helpOf, readFlags, textOf } from './flags.ts';
import { historyFile, recall, remember } from './history.ts';
import { Interview } from './interview.ts';
import { type Answers, chosen, serverQuestions } from './questions.ts';
import { percent } from './result.ts';
import { mebibytes } from './text.ts';
import { serveVitals } from './vitals-service.ts';

export const benchServerHelp: string = `cometd bench server: a server to be measured by cometd bench client

${helpOf(serverQuestions)}
      --ask                       asks for what no flag says, as it does on a terminal
      --yes                       asks nothing
      --history <file>            where the last answers are kept

It knows acknowledged messages, and bounds nobody's rate. CTRL+C ends it.`;

/** Serves until a signal. */
export async function benchServer(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const { answers, extras } = readFlags(args, serverQuestions, { ask: 'boolean', yes: 'boolean', history: 'string' });
  const file = textOf(extras.history) ?? historyFile(environment);
  let all: Answers = answers;
  if (extras.ask === true || (process.stdin.isTTY && extras.yes !== true)) {
    const interview = new Interview(process.stdin, process.stdout);
    const told = await interview.ask(serverQuestions, answers, await recall(file, 'server'));
    interview.close();
    if (!told) return;
    all = told;
    await remember(file, 'server', told);
  }
  await open(all, environment);
}

async function open(answers: Answers, environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  const of = (flag: string): string => String(chosen(serverQuestions, answers, flag));
  const isSecure = answers.tls === true || answers.cert !== undefined;
  const given = parseServe(
    [
      `--host=${of('host')}`,
      `--port=${of('port')}`,
      `--path=${of('path')}`,
      ...(isSecure ? [`--cert=${of('cert')}`, `--key=${of('key')}`] : []),
    ],
    environment,
  );
  const bayeux = serverOf(of('transports').split(',') as TransportName[]);
  bayeux.addExtension(new AcknowledgedMessagesExtension());
  serveVitals(bayeux, ({ cpu, utilization, rss, gc }) =>
    console.log(
      `A run has ended: CPU ${percent(cpu)} of a core, event loop busy ${percent(utilization)}, ` +
        `GC ${gc.time.toFixed(1)} ms, memory ${mebibytes(rss)} MiB`,
    ),
  );
  const listener = await createListener(given, (_request, response) => {
    response.writeHead(404).end();
  });
  bayeux.attach(listener, { path: given.path });
  const leave = farewell(listener);
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve());
    // Whoever started it for a measurement is gone.
    if (process.channel) process.once('disconnect', () => resolve());
  });
  const port = await listen(listener, { ...given, choice: '--port' });
  const host = given.host === '0.0.0.0' ? 'localhost' : given.host;
  console.log(`CometD is ready to be measured on ${isSecure ? 'https' : 'http'}://${host}:${port}${given.path}`);
  await stopped;
  await bayeux.stop();
  await leave();
}

/** A thousand users come from one address, and say as much as they can: nothing here is bounded by rate. */
function serverOf(allowedTransports: readonly TransportName[]): BayeuxServer {
  try {
    return new BayeuxServer({
      allowedTransports,
      maxPublishRate: -1,
      maxSubscribeRate: -1,
      maxChannelRate: -1,
      maxHandshakeRate: -1,
      maxHandshakeRatePerAddress: -1,
      maxSessionsPerAddress: -1,
      maxConnectionsPerAddress: -1,
      maxSessionsPerCookie: -1,
      maxSessionsPerBrowser: -1,
      maxQueue: 100_000,
      maxQueueBytes: 67_108_864,
      maxMessageSize: 16_777_216,
      // So that many sessions are cared for even while the machine is busy with clients.
      maxInterval: 60_000,
    });
  } catch (error) {
    throw new Complaint(reasonOf(error));
  }
}
