/**
 * Hands off. Child processes of agents: started in a session and process group of their own with an
 * environment that is built from nothing, read as bounded lines of bytes, and ended as a group.
 */
package dev.outlast.activities.process;
