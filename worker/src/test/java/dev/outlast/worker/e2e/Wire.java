package dev.outlast.worker.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Map;

/** The form of one provider's model API, as far as its agents use it. */
interface Wire {

  /** Whether a POST to this path asks a model for an answer in this form. */
  boolean serves(String path);

  /**
   * Whether it asks beside the conversation: for a title, a topic, the next speaker. Such questions
   * use no allowance here.
   */
  boolean aside(ModelRequest request);

  /** The messages of the conversation so far. */
  JsonNode messages(ModelRequest request);

  /** A message of the model. */
  ModelResponse text(ModelRequest request, String text);

  /** A call of the agent's shell tool. */
  ModelResponse command(ModelRequest request, String command);

  /** Headers of every good answer that say when the present allowance is used up or renewed. */
  default Map<String, String> allowance(Instant reset) {
    return Map.of();
  }

  /**
   * Headers of an answer on paid overage, given until the allowance returns.
   *
   * @throws UnsupportedOperationException where no service is known to say so
   */
  default Map<String, String> overage(Instant reset) {
    throw new UnsupportedOperationException("no overage in this form");
  }

  /** A short rate limit that has nothing to do with an allowance. */
  ModelResponse throttle();

  /** How a service refuses a request until its allowance returns. */
  @FunctionalInterface
  interface Refusal {
    ModelResponse until(Instant reset, Instant now);
  }
}
