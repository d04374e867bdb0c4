package dev.outlast.activities.gate;

import dev.outlast.agent.AccountTurn;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Completed;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress.Spend;
import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateReport.Spent;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.GateWord;
import dev.outlast.limit.RunPriority;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.OperatorTexts;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import java.util.zip.CRC32;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How one attempt of an invocation goes through the gate of its account: it asks before it starts
 * its agent, shows what the agent learns of the account, and tells what has become of it.
 *
 * <pre>{@code
 * try (Admission admission = new Admission(gates, rules, clock, visitor)) {
 *   Optional<Deferred> notNow = admission.ask(null);
 *   return notNow.isPresent() ? notNow.get() : admission.ended(work(admission::atWork));
 * }
 * }</pre>
 *
 * <p>However it ends, the place that its run may have is given back exactly once. To be used by one
 * thread; only {@link #ask}, {@link #met}, {@link #ended} and {@link #close} wait for the gate, for
 * a few times {@link Gates#PATIENCE_SECONDS} at most.
 */
public final class Admission implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(Admission.class);

  /** How often a gate is told of an agent at work, after it was told that it was let through. */
  static final Duration TELL_AGAIN = Duration.ofMinutes(1);

  /** By how much more of a window must be used, as a share of it, to be worth telling meanwhile. */
  static final double WORTH_TELLING = 0.01;

  private final Gates gates;
  private final AccountRules rules;
  private final Clock clock;
  private final Visitor visitor;
  private final GateWaiter waiter;
  private final LongSupplier nanos;
  private final long begun;

  /** When the gate had answered: what it let in later, it has not let in for this attempt. */
  private long entered;

  private boolean admitted;
  private boolean probe;
  private boolean over;
  private boolean heard;
  private Shown shown = Shown.NOTHING;

  /** What the gate was told last while the agent was at work; null before it was. */
  private Shown told;

  private long toldAt;

  /** News that are on their way; done if none are. */
  private CompletableFuture<Void> telling = CompletableFuture.completedFuture(null);

  /**
   * Who wants to start an agent.
   *
   * @param account whose allowance the agent uses
   * @param run the workflow id
   * @param model that the agent is to use; null for its program's own choice
   * @param turn the run's place among those that want the account
   * @param again whether an attempt before this one may have started its agent
   * @param untold what attempts before this one have spent and could not tell of
   * @param avoidsOverage whether it is not to work on paid overage
   */
  public record Visitor(
      Account account,
      String run,
      String model,
      AccountTurn turn,
      boolean again,
      Spend untold,
      boolean avoidsOverage) {
    public Visitor {
      Objects.requireNonNull(account, "account");
      Objects.requireNonNull(run, "run");
      Objects.requireNonNull(turn, "turn");
      Objects.requireNonNull(untold, "untold");
    }
  }

  public Admission(Gates gates, AccountRules rules, Clock clock, Visitor visitor) {
    this(gates, rules, clock, System::nanoTime, visitor);
  }

  /**
   * @param nanos which goes on evenly, as {@link System#nanoTime} does
   */
  Admission(Gates gates, AccountRules rules, Clock clock, LongSupplier nanos, Visitor visitor) {
    this.gates = gates;
    this.nanos = nanos;
    this.begun = nanos.getAsLong();
    this.entered = begun;
    this.rules = rules;
    this.clock = clock;
    this.visitor = visitor;
    AccountTurn turn = visitor.turn();
    this.waiter =
        new GateWaiter(
            visitor.run(),
            turn.priority(),
            turn.since() == null ? clock.instant() : turn.since(),
            visitor.model(),
            visitor.avoidsOverage(),
            turn.movesOn());
  }

  /**
   * Asks whether the agent may be started now: the hours of this host and of the account, and then
   * the gate. To be asked as the last thing before the start, since the run that tries first keeps
   * all others waiting from here on. Without a gate that can be reached it may.
   *
   * @param leftBehind what an earlier attempt of the invocation has left behind; null if there was
   *     none
   * @return what to answer in place of starting it; empty if it may be started
   */
  public Optional<Deferred> ask(InvocationFacts leftBehind) {
    if (visitor.turn().insists()) {
      admitted = true;
      return Optional.empty();
    }
    Optional<Deferred> held = held(leftBehind);
    if (held.isPresent()) {
      giveWay(Duration.between(held.get().observedAt(), held.get().until()));
      return held;
    }
    // Also an answer that does not get through may have given the run a place.
    admitted = true;
    Optional<GateAnswer> answer =
        gates.ask(
            visitor.account(), new GateEntry(waiter, rules.settings()), visitor.turn().released());
    entered = nanos.getAsLong();
    admitted = answer.isEmpty() || answer.get().go();
    probe = answer.isPresent() && answer.get().probe();
    return answer.filter(told -> !told.go()).map(closed -> notNow(closed, leftBehind));
  }

  private Deferred notNow(GateAnswer closed, InvocationFacts leftBehind) {
    Instant now = clock.instant();
    return new Deferred(
        // The run waits for what lies between the two, which is to be measured by one clock.
        closed.opensIn() == null ? closed.until() : now.plus(closed.opensIn()),
        now,
        Deferred.Cause.ACCOUNT,
        null,
        leftBehind,
        word(closed),
        closed.why(),
        null);
  }

  private GateWord word(GateAnswer closed) {
    Duration told = Duration.between(closed.until(), closed.latest());
    Duration grace = told.isNegative() ? Duration.ZERO : told;
    // Nobody releases a run that is not given any time for it: it asks again by itself.
    boolean released = !closed.probe() && !grace.isZero();
    return new GateWord(closed.probe(), released ? grace.plus(share()) : grace, closed.version());
  }

  /** The run's own part of the spread: runs whose gate is lost are not to ask all at once. */
  private Duration share() {
    CRC32 hash = new CRC32();
    hash.update(visitor.run().getBytes(StandardCharsets.UTF_8));
    double part = hash.getValue() / (double) (1L << Integer.SIZE);
    return Duration.ofMillis((long) (rules.settings().spread().toMillis() * part));
  }

  /** What is decided on this host alone, by its own clock; the latest of all that applies. */
  private Optional<Deferred> held(InvocationFacts leftBehind) {
    Instant now = clock.instant();
    Instant until = now;
    String why = null;
    boolean hostWide = false;
    Optional<Instant> reset = awaitedReset(now);
    if (reset.isPresent()) {
      until = reset.get();
      why = "the run starts when the account's next window begins, " + moment(until);
    }
    Optional<Instant> quiet = rules.quiet().end(now, rules.zone());
    if (quiet.isPresent() && quiet.get().isAfter(until)) {
      until = quiet.get();
      why = "quiet hours until " + moment(until);
      hostWide = true;
    }
    boolean first = visitor.turn().priority() <= RunPriority.LOWEST_IN_RESERVE;
    Optional<Instant> reserve = first ? Optional.empty() : rules.reserve().end(now, rules.zone());
    if (reserve.isPresent() && reserve.get().isAfter(until)) {
      until = reserve.get();
      why =
          "the account is kept for runs of priority "
              + RunPriority.HIGHEST
              + " to "
              + RunPriority.LOWEST_IN_RESERVE
              + " until "
              + moment(until);
      hostWide = false;
    }
    return why == null
        ? Optional.empty()
        : Optional.of(
            new Deferred(
                until,
                now,
                Deferred.Cause.ACCOUNT,
                null,
                leftBehind,
                null,
                why,
                hostWide ? Boolean.TRUE : null));
  }

  /** A run that has waited may be the one that is to try first, for which all others wait. */
  private void giveWay(Duration heldFor) {
    if (visitor.turn().since() != null) {
      GateNews.Left comesLater = new GateNews.Left(visitor.run(), nanos.getAsLong(), heldFor);
      gates.tell(visitor.account(), news(null, null, null, null, comesLater));
    }
  }

  /** When a run may begin that wants the account's next window; one that has waited has had it. */
  private Optional<Instant> awaitedReset(Instant now) {
    AccountTurn turn = visitor.turn();
    if (!turn.afterNextReset() || turn.since() != null || visitor.again()) {
      return Optional.empty();
    }
    Optional<Instant> reset =
        gates
            .nextReset(visitor.account(), now)
            .filter(next -> next.isAfter(now))
            .map(next -> next.plus(rules.policy().margin()));
    if (reset.isEmpty()) {
      log.info(
          "Run {} is to start at the next reset of account {}; none is known, so it starts now",
          visitor.run(),
          visitor.account().name());
    }
    return reset;
  }

  private static String moment(Instant instant) {
    return OperatorTexts.moment(instant);
  }

  /**
   * Takes over what the agent at work has shown so far. Returns at once: where it is worth telling,
   * another thread tells it. To be called again and again, also when nothing is new.
   */
  public void atWork(Shown soFar) {
    heard = true;
    shown = soFar;
    if (over || !telling.isDone()) {
      return;
    }
    boolean first = told == null;
    boolean early = (first && letThrough(soFar)) || (!first && soFar.paid() && !told.paid());
    boolean again = !first && nanos.getAsLong() - toldAt >= TELL_AGAIN.toNanos();
    if (early) {
      tellMeanwhile(news(null, pass(soFar), soFar.account().windows(), null, null), soFar);
    } else if (again && saidSince(told, soFar)) {
      // It began before the account closed, perhaps: only then is there anything to tell.
      GateNews late = news(null, pass(soFar), soFar.account().windows(), null, null);
      meanwhile(
          soFar,
          () -> {
            if (gates.word(visitor.account(), waiter, visitor.turn().released()).isPresent()) {
              gates.tell(visitor.account(), late);
            }
          });
    } else if (again && used(told.account().windows(), soFar.account().windows())) {
      tellMeanwhile(news(null, null, soFar.account().windows(), null, null), soFar);
    }
  }

  /** As {@link #atWork}, when the agent has ended: {@link #ended} or {@link #close} tells it. */
  public void last(Shown inTheEnd) {
    heard = true;
    shown = inTheEnd;
  }

  private static boolean letThrough(Shown soFar) {
    return soFar.answered() || soFar.account().allowed();
  }

  private static boolean saidSince(Shown before, Shown now) {
    Instant said = now.account().saidAt();
    return now.account().allowed()
        && letThrough(now)
        && said != null
        && !said.equals(before.account().saidAt());
  }

  private static boolean used(Map<String, WindowUse> before, Map<String, WindowUse> now) {
    return now.entrySet().stream()
        .anyMatch(
            window -> {
              WindowUse last = before.get(window.getKey());
              return last == null
                  || Math.abs(window.getValue().used() - last.used()) >= WORTH_TELLING
                  || !Objects.equals(window.getValue().resetsAt(), last.resetsAt());
            });
  }

  private GateNews.Pass pass(Shown soFar) {
    if (soFar.paid()) {
      return paidPass(soFar.overage(), null);
    }
    Instant said = soFar.account().allowed() ? soFar.account().saidAt() : null;
    return new GateNews.Pass(visitor.run(), visitor.model(), said != null, nanosAt(said));
  }

  /**
   * On paid overage the account is open, but to those that avoid it.
   *
   * @param beyond the limit of the allowance
   * @param waits the run, if it waits for the allowance
   */
  private GateNews.Pass paidPass(UsageLimit beyond, GateWaiter waits) {
    return new GateNews.Pass(
        visitor.run(),
        visitor.model(),
        false,
        nanosAt(beyond.observedAt()),
        new GateNews.Overage(lasts(beyond), waits));
  }

  private void tellMeanwhile(GateNews news, Shown soFar) {
    meanwhile(soFar, () -> gates.tell(visitor.account(), news));
  }

  private void meanwhile(Shown soFar, Runnable work) {
    told = soFar;
    toldAt = nanos.getAsLong();
    CompletableFuture<Void> done = new CompletableFuture<>();
    telling = done;
    Thread thread =
        new Thread(
            () -> {
              try {
                work.run();
              } finally {
                done.complete(null);
              }
            },
            "gate-" + visitor.run());
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * Tells of a limit that an attempt before this one has met and could not tell of, since its
   * worker was lost.
   */
  public void met(UsageLimit limit) {
    if (counts(limit)) {
      gates.tell(visitor.account(), limitNews(limit, Map.of(), null, null));
    }
  }

  /**
   * Tells what has become of the invocation, and gives the run's place back. To be called once.
   *
   * @return the outcome; a limit with what the gate has said to it
   */
  public AgentOutcome ended(AgentOutcome outcome) {
    settle();
    boolean first = !over;
    over = true;
    if (!first || !(admitted || visitor.again() || outcome instanceof Limited)) {
      return outcome;
    }
    if (!heard && outcome.facts() != null) {
      shown = Shown.of(outcome.facts());
    }
    Map<String, WindowUse> windows = shown.account().windows();
    if (!(outcome instanceof Limited limited)) {
      GateNews.Pass pass = admitted && progressed(outcome) ? pass(shown) : null;
      tellLast(news(null, pass, windows, spent(outcome), left()));
      return outcome;
    }
    if (!counts(limited.limit())) {
      tellLast(news(null, null, windows, spent(outcome), left()));
      return outcome;
    }
    gates.tell(visitor.account(), limitNews(limited.limit(), windows, spent(outcome), left()));
    return gates
        .word(visitor.account(), waiter, visitor.turn().released())
        .<AgentOutcome>map(closed -> new Limited(limited.facts(), limited.limit(), word(closed)))
        .orElse(outcome);
  }

  private static boolean progressed(AgentOutcome outcome) {
    return outcome.facts() != null
        && !(outcome instanceof Deferred)
        && (outcome instanceof Completed || outcome.facts().progressed());
  }

  /**
   * Gives the run's place back, unless {@link #ended} has. What was spent by an attempt that was
   * lost is told by the next one where this one has not worked itself.
   */
  @Override
  public void close() {
    settle();
    if (over) {
      return;
    }
    over = true;
    if (admitted || visitor.again()) {
      tellLast(
          news(null, null, shown.account().windows(), heard && costs() ? spent() : null, left()));
    }
  }

  private void tellLast(GateNews news) {
    boolean anything =
        news.pass() != null
            || !news.windows().isEmpty()
            || news.spent() != null
            || news.left() != null;
    if (anything) {
      gates.tell(visitor.account(), news);
    }
  }

  /** What was told while the agent was at work comes before what is told of its end. */
  private void settle() {
    try {
      telling.get(Gates.PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException workerEnds) {
      // The flag stays cleared: the gate and the server are yet to be told, over the network.
      log.debug("Run {}: its worker ends", visitor.run(), workerEnds);
    } catch (ExecutionException | TimeoutException late) {
      log.debug("Run {}: earlier news of its account are not told yet", visitor.run(), late);
    }
  }

  /**
   * Whether a limit closes the account for others. What only looks like one holds up the run that
   * has met it, and so does used-up credit of which nothing says that it ever returns: others are
   * to find out, and fail, at once. Of the run that tries for all, any limit counts.
   */
  private boolean counts(UsageLimit limit) {
    return probe || !(limit.unrecognised() || limit.endless());
  }

  private GateNews limitNews(
      UsageLimit limit, Map<String, WindowUse> windows, Spent spent, GateNews.Left left) {
    Instant named = limit.heardAt() == null ? limit.observedAt() : limit.heardAt();
    return new GateNews(
        rules.settings(),
        // An attempt of which nothing else is known began before it has named its limit.
        admitted ? begun : nanosAt(named),
        limit.overageAvoided() ? null : hit(limit),
        limit.overageAvoided() ? paidPass(limit, waiter) : null,
        windows,
        spent,
        left);
  }

  private GateNews.Hit hit(UsageLimit limit) {
    return new GateNews.Hit(
        waiter,
        limit.scope(),
        lasts(limit),
        limit.reset() == null ? null : limit.reset().latest(),
        nanosAt(limit.observedAt()));
  }

  /** For how long nobody is to ask, from when the limit was read. */
  private Duration lasts(UsageLimit limit) {
    Duration told =
        limit.announcesReset()
            ? Duration.between(limit.observedAt(), limit.reset().latest())
            : rules.policy().fallback();
    // However far away an agent says that it ends: some time it is tried again.
    Duration longest = rules.policy().maxWait();
    Duration lasts = told.compareTo(longest) > 0 ? longest : told;
    return lasts.plus(rules.policy().margin());
  }

  private GateNews news(
      GateNews.Hit hit,
      GateNews.Pass pass,
      Map<String, WindowUse> windows,
      Spent spent,
      GateNews.Left left) {
    return new GateNews(rules.settings(), begun, hit, pass, windows, spent, left);
  }

  /**
   * When a moment of the near past was, in nanoseconds of {@link System#nanoTime}; now if it is
   * null.
   */
  private long nanosAt(Instant moment) {
    if (moment == null) {
      return nanos.getAsLong();
    }
    Duration ago = Duration.between(moment, clock.instant());
    return nanos.getAsLong() - (ago.isNegative() ? 0 : ago.toNanos());
  }

  /** Who tries for all others is waited for, and whoever has a place keeps others from it. */
  private GateNews.Left left() {
    return rules.bounded() || probe ? new GateNews.Left(visitor.run(), entered) : null;
  }

  /** What this attempt has cost, and those before it that could not tell. */
  private Spent spent(AgentOutcome outcome) {
    return outcome instanceof Completed || costs() ? spent() : null;
  }

  private boolean costs() {
    return tokens() > 0 || costUsd() > 0;
  }

  private long tokens() {
    return shown.tokens().total() + visitor.untold().tokens();
  }

  private double costUsd() {
    return shown.costUsd() + visitor.untold().costUsd();
  }

  private Spent spent() {
    Instant now = clock.instant();
    return new Spent(
        rules.day(now).toString(),
        rules.dayEnds(now),
        1,
        costUsd(),
        visitor.untold().overageUsd() + (shown.overage() != null ? shown.costUsd() : 0),
        tokens());
  }
}
