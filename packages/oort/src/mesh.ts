/** Entry `./mesh`: the cluster of CometD itself, node to node, in one cloud with Java nodes. */

export {};
