/**
 * Hands off. Who may run an agent: one agent per session and per workspace on a host, also when a
 * worker was frozen and comes back after its invocation was given to another. Claims are files in
 * the state folder, which must be on a local file system.
 */
package dev.outlast.activities.claim;
