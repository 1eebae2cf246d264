/** Files of credentials, as `nsc` makes them: an operator, an account it has signed, users the account has signed. */
import { randomUUID } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';

type Key = ReturnType<typeof nkeys.createUser>;

/** The configuration of a server, a file that it takes, and one of an account that it does not know. */
export function credentialsFor(): { config: string; ours: string; theirs: string } {
  const [operator, account, stranger] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const trusted = signed(operator, operator, { type: 'operator' });
  const limits = { subs: -1, conn: -1, leaf: -1, imports: -1, exports: -1, data: -1, payload: -1, wildcards: true };
  const known = signed(operator, account, { type: 'account', limits });
  return {
    config: `operator: "${trusted}"\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: "${known}" }`,
    ours: userOf(account),
    theirs: userOf(stranger),
  };
}

function userOf(account: Key): string {
  const user = nkeys.createUser();
  const jwt = signed(account, user, { type: 'user', subs: -1, data: -1, payload: -1 });
  const seed = new TextDecoder().decode(user.getSeed());
  const wrapped = (name: string, text: string) => `-----BEGIN ${name}-----\n${text}\n------END ${name}------\n`;
  return `${wrapped('NATS USER JWT', jwt)}\n${wrapped('USER NKEY SEED', seed)}`;
}

function signed(issuer: Key, subject: Key, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    jti: randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    sub: subject.getPublicKey(),
    name: 'test',
    nats: { version: 2, ...nats },
  };
  const text = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${text}.${Buffer.from(issuer.sign(new TextEncoder().encode(text))).toString('base64url')}`;
}
