/**
 * The whole way, with nothing of ours replaced: the {@code outlast worker} in its own process, the
 * real Temporal server (tag {@code server}) and real agents (tag {@code agents}). What stands in
 * for the world outside is at the edge only: a scripted agent's program, or a model API on the
 * loopback.
 */
package dev.outlast.worker.e2e;
