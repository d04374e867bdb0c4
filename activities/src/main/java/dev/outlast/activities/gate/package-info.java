/**
 * Use. What invocations ask and tell the gates of their accounts. The port {@link
 * dev.outlast.activities.gate.Gates} keeps all that concerns a server out of this module.
 */
package dev.outlast.activities.gate;
