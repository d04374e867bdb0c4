package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.limit.RunPriority;
import java.time.Instant;

/**
 * A run's place among those that want the same account.
 *
 * @param priority from {@value RunPriority#HIGHEST} (first) to {@value RunPriority#LOWEST}
 * @param since when it began to wait; null if it does not
 * @param released the version of the gate that has released it; 0 if none has
 * @param afterNextReset whether it is to begin only when the account's next window begins
 * @param insists whether an operator wants it to go on although the account is known to be closed
 * @param movesOn whether it goes on with another account where this one is closed
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_DEFAULT)
public record AccountTurn(
    int priority,
    Instant since,
    long released,
    boolean afterNextReset,
    boolean insists,
    boolean movesOn) {

  /** Of a run that has nothing special about it. */
  public static final AccountTurn DEFAULT =
      new AccountTurn(RunPriority.DEFAULT, null, 0, false, false, false);

  public AccountTurn {
    priority = RunPriority.checked(priority);
  }
}
