/**
 * Use, as something to copy: the shortest worker that runs agents, and the shortest client that
 * starts a run and waits for its result.
 */
package dev.outlast.samples.hello;
