/** The cluster on NATS. An entry of its own: whoever does not use it loads nothing of it, and needs no client of NATS. */
export {};
