package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * What a run may use before it pauses and asks.
 *
 * @param costUsd over 0; null for no bound
 * @param tokens of all kinds together, at least 1; null for no bound
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Budget(Double costUsd, Long tokens) {}
