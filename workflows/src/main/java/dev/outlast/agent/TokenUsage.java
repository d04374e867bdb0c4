package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * Tokens by kind, as the agent reported them.
 *
 * @param input tokens read without the cache
 * @param output tokens written, reasoning included where the agent does not tell them apart
 * @param reasoning tokens of reasoning, where the agent reports them on their own
 * @param cacheRead tokens read from the provider's prompt cache
 * @param cacheWrite tokens written to the provider's prompt cache
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record TokenUsage(long input, long output, long reasoning, long cacheRead, long cacheWrite) {

  /** No tokens at all. */
  public static final TokenUsage NONE = new TokenUsage(0, 0, 0, 0, 0);

  public TokenUsage {
    if (input < 0 || output < 0 || reasoning < 0 || cacheRead < 0 || cacheWrite < 0) {
      throw new IllegalArgumentException("tokens: a count below zero");
    }
  }

  /** The sum of both, kind by kind. */
  public TokenUsage plus(TokenUsage other) {
    return new TokenUsage(
        input + other.input,
        output + other.output,
        reasoning + other.reasoning,
        cacheRead + other.cacheRead,
        cacheWrite + other.cacheWrite);
  }

  /** All tokens of every kind. */
  public long total() {
    return input + output + reasoning + cacheRead + cacheWrite;
  }
}
