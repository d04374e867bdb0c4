/**
 * Use. Usage limits as values, and the pure decision when to resume after one. Nothing here reads a
 * clock: times come in as arguments. In these records {@code null} means that the fact is absent.
 */
package dev.outlast.limit;
