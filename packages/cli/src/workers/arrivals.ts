/** Connections of clients as the supervisor hands them over, for a server that listens nowhere itself. */
import type { Server } from 'node:http';
import type { SupervisorLink } from './supervisor-link.ts';

/** Serves them from now on; what it answers ends that. */
export function arrivals(server: Server, supervisor: SupervisorLink): () => void {
  const isSecure = 'setSecureContext' in server;
  let isOpen = true;
  let last = 0;
  supervisor.on('take', ({ id }, connection) => {
    last = id;
    // The supervisor has it still, and gives it to another one.
    if (!isOpen) return void connection?.destroy();
    // Nothing has been read by now: should this process die before it has said so, another one can serve from the first byte.
    void supervisor.tell({ say: 'taken' });
    if (!connection) return;
    // As a server in clear has those that it accepts itself.
    connection.allowHalfOpen = !isSecure;
    connection.setNoDelay(true);
    server.emit('connection', connection);
  });
  supervisor.on('ask', ({ id }) => id !== last && void supervisor.tell({ say: 'missed', id }));
  // With this event a server begins to watch over the times of its connections.
  server.emit('listening');
  return () => {
    isOpen = false;
    void supervisor.tell({ say: 'closed' });
  };
}
