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

  /**
   * Tokens by kind, of an agent that counts the cache's tokens as input and reasoning as output.
   *
   * @param allInput what it read, from the cache and into the cache included
   * @param allOutput what it wrote, reasoning included
   */
  public static TokenUsage ofTotals(
      long allInput, long allOutput, long reasoning, long cacheRead, long cacheWrite) {
    return new TokenUsage(
        Math.max(0, allInput - cacheRead - cacheWrite),
        Math.max(0, allOutput - reasoning),
        reasoning,
        cacheRead,
        cacheWrite);
  }

  /** The sum of both, kind by kind. */
  public TokenUsage plus(TokenUsage other) {
    return new TokenUsage(
        sum(input, other.input),
        sum(output, other.output),
        sum(reasoning, other.reasoning),
        sum(cacheRead, other.cacheRead),
        sum(cacheWrite, other.cacheWrite));
  }

  /** An agent may tell any number; what is more than can be counted stays that. */
  private static long sum(long one, long other) {
    return one > Long.MAX_VALUE - other ? Long.MAX_VALUE : one + other;
  }

  /** What this has more than the other, kind by kind; 0 where it has less. */
  public TokenUsage minus(TokenUsage other) {
    return new TokenUsage(
        Math.max(0, input - other.input),
        Math.max(0, output - other.output),
        Math.max(0, reasoning - other.reasoning),
        Math.max(0, cacheRead - other.cacheRead),
        Math.max(0, cacheWrite - other.cacheWrite));
  }

  /** All tokens of every kind. */
  public long total() {
    return sum(sum(sum(sum(input, output), reasoning), cacheRead), cacheWrite);
  }
}
