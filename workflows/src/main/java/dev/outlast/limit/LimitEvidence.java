package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * What a usage limit was decided on, so that an operator can check the decision.
 *
 * @param rule the name of the rule that decided
 * @param text the agent's own words or record, cut to {@value #MAX_TEXT} characters, control
 *     characters removed; null where they are not kept
 * @param channel where the text was read, for example {@code stdout rate_limit_event}
 * @param agentVersion the version of the agent's program; null if it did not say
 * @param zone the time zone that the agent ran in, in which texts without a zone were read
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record LimitEvidence(
    String rule, String text, String channel, String agentVersion, String zone) {

  /** The longest text that is kept, in characters. */
  public static final int MAX_TEXT = 2_000;

  /** The rule of what looks like a limit in words that no other rule knows. */
  public static final String UNRECOGNISED = "unrecognised";

  /** The rule of a limit that was met by ending an agent that went on beyond it for money. */
  public static final String OVERAGE_AVOIDED = "overage-avoided";

  public LimitEvidence {
    if (text != null && text.length() > MAX_TEXT) {
      text = text.substring(0, MAX_TEXT);
    }
  }

  /** The same decision without the agent's words. */
  LimitEvidence withoutText() {
    return new LimitEvidence(rule, null, channel, agentVersion, zone);
  }
}
