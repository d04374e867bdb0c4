/**
 * Targets for a fuzzer, which feeds them with bytes that it chooses by what they reach in our code.
 * They need no fuzzer to compile or to run: {@code FuzzTargetsTest} gives them the recorded cases
 * and what a fuzzer has ever found.
 */
package dev.outlast.activities.fuzz;
