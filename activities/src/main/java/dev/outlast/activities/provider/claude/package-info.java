/** Extend. The provider {@code claude}: Claude Code in its unattended form. */
package dev.outlast.activities.provider.claude;
