/**
 * Use. What a run asks of an agent and what it hears back: the port {@link
 * dev.outlast.agent.AgentActivities} and its values. Activities report facts here; what to do about
 * them is decided in {@code dev.outlast.run}. In these records {@code null} means that the fact is
 * absent, exactly as a missing field in the JSON.
 */
package dev.outlast.agent;
