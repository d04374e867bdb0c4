/**
 * Files of a host that more than one process works with: seen by nobody but their owner, and there
 * whole or not at all. For Outlast's own packages; hands off.
 */
package dev.outlast.activities.file;
