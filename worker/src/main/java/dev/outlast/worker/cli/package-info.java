/**
 * Internal. The {@code outlast} command. Results go to standard output, everything else to standard
 * error; {@link dev.outlast.worker.cli.ExitCode} lists the exit codes.
 */
package dev.outlast.worker.cli;
