package dev.outlast.activities.provider;

import dev.outlast.activities.process.OutputLine;
import java.time.Instant;
import java.util.Optional;

/**
 * Folds the output of one call, line by line, into facts and finally a conclusion. Never throws, on
 * any bytes, and keeps a bounded part of them. Not thread-safe.
 */
public interface OutputReader {

  /** Takes the next line of standard output, read at this moment. */
  void stdout(OutputLine line, Instant readAt);

  /** Takes the next line of standard error, read at this moment. */
  void stderr(OutputLine line, Instant readAt);

  /**
   * Whether the agent has said that it sleeps, or tries again and again, in its own process while
   * its allowance is used up. It does not end by itself then, for as long as the limit lasts.
   */
  default boolean sitsOutLimit(Instant now) {
    return false;
  }

  /** Whether the agent has told of what may be a limit, and not gone on since. Cheap. */
  default boolean mayBeLimited(Instant now) {
    return false;
  }

  /**
   * The limit that the call would be concluded with however the agent ended now, in words that are
   * known. Cheap as long as there is none.
   */
  default Optional<Conclusion.Limited> limited(Instant now) {
    return mayBeLimited(now)
        ? conclude(PlainErrors.SIGNALLED, now).limit().filter(met -> met.equals(conclude(0, now)))
        : Optional.empty();
  }

  /** What is known so far; after {@link #conclude} it may be more. */
  CallFacts facts();

  /** What the agent has said of its account; after {@link #conclude} it may be more. */
  default AccountFacts account() {
    return AccountFacts.NONE;
  }

  /**
   * The limit of the account's allowance beyond which the agent has said that it works, on paid
   * overage: with the reset of the allowance itself, not that of the overage. Empty if the agent
   * has not said so; after {@link #conclude} it may have. There whenever {@link
   * CallFacts#usingOverage()} says so.
   */
  default Optional<Conclusion.Limited> overage() {
    return Optional.empty();
  }

  /**
   * What the call ended with.
   *
   * @param exitCode of the process; 128 or more if it was ended from outside
   * @param now the clock at the end
   */
  Conclusion conclude(int exitCode, Instant now);
}
