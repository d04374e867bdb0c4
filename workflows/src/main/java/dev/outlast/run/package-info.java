/**
 * Use. The run: one task carried to its end over as many invocations, usage limits and waits as it
 * takes. {@link dev.outlast.run.AgentRun} is what clients start and steer; {@link
 * dev.outlast.run.AgentRunWorkflow} implements it and is registered by the plugin. In these records
 * {@code null} means that the fact is absent.
 */
package dev.outlast.run;
