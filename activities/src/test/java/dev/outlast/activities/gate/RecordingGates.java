package dev.outlast.activities.gate;

import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateWaiter;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/** Gates that answer as a test says, and keep all that they are asked and told. */
public final class RecordingGates implements Gates {

  public final List<GateEntry> asked = new CopyOnWriteArrayList<>();
  public final List<GateWaiter> words = new CopyOnWriteArrayList<>();
  public final List<GateNews> told = new CopyOnWriteArrayList<>();

  /** What everybody is answered; null where the gate cannot be reached. */
  public volatile GateAnswer answer = GateAnswer.open();

  /** What a run hears that was limited; null if the gate is open, or cannot be reached. */
  public volatile GateAnswer word;

  /** When the next window begins; null if that is not known. */
  public volatile Instant nextReset;

  /** What happens while the gate is asked. */
  public volatile Runnable whileAsked = () -> {};

  /** Until it is counted down, nobody is heard but who tells of a limit. */
  public volatile CountDownLatch deaf = new CountDownLatch(0);

  @Override
  public Optional<GateAnswer> ask(Account account, GateEntry entry, long released) {
    whileAsked.run();
    asked.add(entry);
    return Optional.ofNullable(answer);
  }

  @Override
  public void tell(Account account, GateNews news) {
    try {
      if (news.hit() == null) {
        deaf.await();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    told.add(news);
  }

  @Override
  public Optional<GateAnswer> word(Account account, GateWaiter waiter, long released) {
    words.add(waiter);
    return Optional.ofNullable(word);
  }

  @Override
  public Optional<Instant> nextReset(Account account, Instant now) {
    return Optional.ofNullable(nextReset);
  }

  public List<GateNews.Pass> passes() {
    return told.stream().map(GateNews::pass).filter(Objects::nonNull).toList();
  }

  public List<GateNews.Hit> hits() {
    return told.stream().map(GateNews::hit).filter(Objects::nonNull).toList();
  }

  /** The runs whose place was given back, each as often as it was. */
  public List<String> left() {
    return told.stream()
        .map(GateNews::left)
        .filter(Objects::nonNull)
        .map(GateNews.Left::run)
        .toList();
  }

  /** An account that is closed for so long from now on. */
  public static GateAnswer closed(Instant now, Duration lasts, boolean probe, long version) {
    Instant until = now.plus(lasts);
    return new GateAnswer(
        false, probe, until, until.plus(Duration.ofMinutes(25)), version, "session limit");
  }
}
