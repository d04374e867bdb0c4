/**
 * Hands off. Child processes of agents: held until they are on record, in a session and process
 * group of their own, with an environment that is built from nothing, read as bounded lines of
 * bytes, and ended with all that they have started. {@link
 * dev.outlast.activities.process.AgentRegistry} is the way in. An agent ends with its worker: a
 * dead man's switch sees to it, and what outlives both is ended from its record when the next
 * worker starts. Programs that are only asked something are no agents: {@link
 * dev.outlast.activities.process.Commands} runs them.
 */
package dev.outlast.activities.process;
