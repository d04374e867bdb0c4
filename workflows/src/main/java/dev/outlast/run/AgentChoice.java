package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * One of the agents that a run may use.
 *
 * @param agent its name on the worker; null for the worker's first one
 * @param account whose allowance is used; null for the agent's own
 * @param model null for the agent's own
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AgentChoice(String agent, String account, String model) {}
