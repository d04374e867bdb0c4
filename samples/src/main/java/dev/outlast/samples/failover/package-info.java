/**
 * Use, as something to copy: a client whose run does not wait for a usage limit as long as another
 * agent can work, and which never spends more than it was given.
 */
package dev.outlast.samples.failover;
