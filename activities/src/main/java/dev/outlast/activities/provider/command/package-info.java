/** Extend. The provider {@code command}: any executable, by a template of its arguments. */
package dev.outlast.activities.provider.command;
