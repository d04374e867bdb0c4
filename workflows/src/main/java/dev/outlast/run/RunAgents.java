package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The agents that a run may use, the preferred one first. What is known of the present one is in
 * the run's memory, and put here when the run goes on with another.
 */
final class RunAgents {

  /**
   * How long providers keep what they have read of a session: one that nobody has worked in for
   * longer is read anew, at its full price.
   */
  static final Duration CACHE_KEPT = Duration.ofMinutes(5);

  /**
   * These agents, as they are handed from one history to the next.
   *
   * @param visit see {@link RunAgents#visit}
   * @param arriving whether the present one has yet to be told what it has missed
   * @param afterLimit whether it is gone on with after a limit or a long rest for the first time
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  @JsonInclude(JsonInclude.Include.NON_DEFAULT)
  record Saved(List<RunAgent> list, int current, int visit, boolean arriving, boolean afterLimit) {}

  private final List<RunAgent> list;
  private final Choices choices;

  /**
   * Counts how often the run went on with another of its agents, from 1. An agent has seen what was
   * done in its own session, and so has missed what was done in the others since.
   */
  private int visit = 1;

  private boolean arriving;
  private boolean afterLimit;

  /** When one was last at work; null if that has been dealt with, or none was. */
  private Instant workedLast;

  private RunAgents(List<RunAgent> list) {
    this.list = new ArrayList<>(list);
    this.choices = new Choices(list.size());
  }

  static RunAgents of(List<AgentChoice> asked) {
    return new RunAgents(asked.stream().map(RunAgent::asked).toList());
  }

  static RunAgents restore(Saved saved) {
    RunAgents agents = new RunAgents(saved.list());
    for (int i = 0; i < agents.size(); i++) {
      RunAgent one = saved.list().get(i);
      if (one.closedUntil() != null) {
        Duration grace = one.grace() == null ? Duration.ZERO : one.grace();
        agents.choices.closed(i, one.closedUntil(), grace);
      }
    }
    agents.choices.goTo(saved.current());
    agents.visit = saved.visit();
    agents.arriving = saved.arriving();
    agents.afterLimit = saved.afterLimit();
    return agents;
  }

  /**
   * @param present what is known of the present one
   */
  Saved save(RunAgent present) {
    List<RunAgent> all = new ArrayList<>();
    for (int i = 0; i < size(); i++) {
      RunAgent one = i == current() ? present : list.get(i);
      all.add(one.closed(choices.closedUntil(i), choices.grace(i)));
    }
    return new Saved(all, current(), visit, arriving, afterLimit);
  }

  int size() {
    return list.size();
  }

  int current() {
    return choices.current();
  }

  /** The present one, as it was when the run came to it. */
  RunAgent present() {
    return list.get(current());
  }

  RunAgent get(int choice) {
    return list.get(choice);
  }

  int indexOf(RunAgent one) {
    return list.indexOf(one);
  }

  Choices choices() {
    return choices;
  }

  /** The first that its host was not asked about; empty if it was about all. */
  Optional<Integer> unresolved() {
    return IntStream.range(0, size()).filter(i -> list.get(i).agent() == null).boxed().findFirst();
  }

  void resolved(int choice, ResolvedAgent agent) {
    list.set(choice, list.get(choice).withAgent(agent));
  }

  /** One is on another host now, where none of its sessions are. */
  void movedTo(int choice, ResolvedAgent agent) {
    list.set(choice, list.get(choice).withAgent(agent).withSession(null));
  }

  /** One more, the least preferred. */
  void add(AgentChoice asked, ResolvedAgent agent) {
    list.add(RunAgent.resolved(asked, agent));
    choices.add();
  }

  void prefer(int choice) {
    list.add(0, list.remove(choice));
    choices.prefer(choice);
  }

  /** The present one is closed, and so is every other that the same limit counts for. */
  void closed(UsageLimit limit, Instant until, Duration grace) {
    ResolvedAgent present = present().agent();
    for (int i = 0; i < size(); i++) {
      ResolvedAgent other = list.get(i).agent();
      boolean sameAccount =
          other != null
              && other.provider().equals(present.provider())
              && other.account().equals(present.account());
      boolean sameModel =
          limit.scope() != LimitScope.MODEL
              || (sameAccount && other.model() != null && other.model().equals(present.model()));
      if (i == current() || (sameAccount && sameModel)) {
        choices.closed(i, until, grace);
        list.set(i, list.get(i).withLimit(limit.withoutWords()));
      }
    }
  }

  /** The gate of the present one's account is shut. */
  void closed(Instant until, Duration grace) {
    choices.deferred(until, grace);
    list.set(current(), present().withLimit(null));
  }

  /** Their host starts none of them before a moment. */
  void closedByHost(Instant until) {
    for (int i = 0; i < size(); i++) {
      Instant known = choices.closedUntil(i);
      if (known == null || known.isBefore(until)) {
        choices.closed(i, until, Duration.ZERO);
        list.set(i, list.get(i).withoutLimit());
      }
    }
  }

  /**
   * Leaves the present one and goes to another.
   *
   * @param left what is known of the present one
   * @return what is known of the other
   */
  RunAgent goTo(int choice, RunAgent left) {
    // Its session is also theirs that share its place.
    list.replaceAll(one -> one.sharesSessions(left) ? one.withSession(left.session()) : one);
    list.set(current(), left);
    choices.goTo(choice);
    visit = 1 + list.stream().mapToInt(RunAgents::worked).max().orElse(0);
    arriving = true;
    afterLimit = true;
    return present();
  }

  private static int worked(RunAgent one) {
    return one.session() == null ? 0 : one.session().worked();
  }

  int visit() {
    return visit;
  }

  /** Whether anything was done in any session but the present one. */
  boolean othersWorked() {
    return !missed(0).isEmpty();
  }

  /**
   * The other sessions in which something was done since a visit, each once, the latest last.
   *
   * @param since 0 for all
   */
  List<RunAgent> missed(int since) {
    List<RunAgent> missed = new ArrayList<>();
    for (int i = 0; i < size(); i++) {
      RunAgent one = list.get(i);
      boolean other = i != current() && !one.sharesSessions(present());
      if (other
          && worked(one) > since
          && Objects.equals(one.agent().host(), present().agent().host())
          && missed.stream().noneMatch(known -> worked(known) == worked(one))) {
        missed.add(one);
      }
    }
    missed.sort(Comparator.comparingInt(RunAgents::worked));
    return missed;
  }

  /** Whether the present one has yet to be told what it has missed. */
  boolean arriving() {
    return arriving;
  }

  void arriving(boolean yet) {
    arriving = yet;
  }

  /** Whether the present one is gone on with after a limit or a long rest for the first time. */
  boolean afterLimit() {
    return afterLimit;
  }

  void afterLimit(boolean yet) {
    afterLimit = yet;
  }

  /** The present one was at work until now. */
  void worked(Instant now) {
    workedLast = now;
    choices.newRound();
  }

  /** After a long rest, whatever it was for, the session is decided on as after a limit. */
  void rested(Instant now) {
    if (workedLast != null && now.isAfter(workedLast.plus(CACHE_KEPT))) {
      workedLast = null;
      afterLimit = true;
    }
  }
}
