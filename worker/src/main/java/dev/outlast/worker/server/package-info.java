/**
 * Internal. A Temporal server for trying things out: the real development server where its
 * executable is at hand, else the in-memory server of Temporal's test library.
 */
package dev.outlast.worker.server;
