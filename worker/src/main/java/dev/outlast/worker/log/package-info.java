/**
 * What the log of a worker is made safe with. It is the conversion word {@code %safe} of Logback's
 * patterns, for the log of {@code outlast worker} and for that of your own worker.
 */
package dev.outlast.worker.log;
