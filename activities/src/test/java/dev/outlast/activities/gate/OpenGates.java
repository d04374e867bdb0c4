package dev.outlast.activities.gate;

import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateWaiter;
import java.time.Instant;
import java.util.Optional;

/** Gates of accounts that nobody has ever found limited. */
public final class OpenGates implements Gates {

  @Override
  public Optional<GateAnswer> ask(Account account, GateEntry entry, long released) {
    return Optional.of(GateAnswer.open());
  }

  @Override
  public void tell(Account account, GateNews news) {
    // Nobody asks for it.
  }

  @Override
  public Optional<GateAnswer> word(Account account, GateWaiter waiter, long released) {
    return Optional.empty();
  }

  @Override
  public Optional<Instant> nextReset(Account account, Instant now) {
    return Optional.empty();
  }
}
