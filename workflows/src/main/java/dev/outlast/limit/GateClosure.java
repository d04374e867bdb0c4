package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * An operator's wish that an account be left alone for a while.
 *
 * @param until an instant ({@code 2026-11-21T15:00:00Z}) or a duration from now ({@code 90m})
 * @param reason null for none
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record GateClosure(String until, String reason) {}
