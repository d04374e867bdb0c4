package dev.outlast.operator;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;

/**
 * What operators read in Temporal's Web UI. Nothing that an agent or a user wrote gets in, except
 * names that are checked on the way ({@link #plain}).
 */
public final class OperatorTexts {

  /** The longest static summary in characters; Temporal keeps 200 bytes. */
  public static final int MAX_SUMMARY = 150;

  /** The longest reason that is shown, in characters. */
  private static final int MAX_REASON = 300;

  private static final DateTimeFormatter MINUTE =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm'Z'").withZone(ZoneOffset.UTC);
  private static final DateTimeFormatter SECOND =
      DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss 'UTC'").withZone(ZoneOffset.UTC);

  /** What is said of a wait for something that only looks like a limit. */
  public static final String UNRECOGNISED =
      "Outlast does not know this message, and takes it for a limit; its evidence: query"
          + " `incidents`, or `outlast show`.";

  private OperatorTexts() {}

  /** The one line of a run in lists: {@code claude · work · label}. */
  public static String summary(String agent, String account, String label) {
    StringBuilder line = new StringBuilder(plain(agent == null ? "agent" : agent));
    if (account != null) {
      line.append(" · ").append(plain(account));
    }
    if (label != null) {
      line.append(" · ").append(plain(label));
    }
    return line.length() <= MAX_SUMMARY ? line.toString() : line.substring(0, MAX_SUMMARY);
  }

  /** The label of the timer of a wait. */
  public static String timerSummary(String agent, String account, String scope, Instant resumeAt) {
    return plain(agent)
        + "/"
        + plain(account)
        + " "
        + (scope.equals("unknown") ? "usage" : scope)
        + " limit: resumes "
        + MINUTE.format(roundedUp(resumeAt));
  }

  /** The label of the timer of a run that its account's gate is to release. */
  public static String releaseSummary(String agent, String account, String scope, Instant opens) {
    return plain(agent)
        + "/"
        + plain(account)
        + " "
        + (scope.equals("unknown") ? "usage" : scope)
        + " limit: released after "
        + MINUTE.format(roundedUp(opens));
  }

  /** The label of the timer of a run that is to begin later. */
  public static String startSummary(Instant at) {
    return "starts " + MINUTE.format(roundedUp(at));
  }

  /** The first line of the details of a run that is to begin later. */
  public static String waitingForStart(Instant now, Instant at) {
    return "**waiting** for its start " + in(now, at);
  }

  /** The label of the timer of a run that was asked to wait before its agent was started. */
  public static String deferredSummary(String agent, String account, Instant until) {
    return plain(agent)
        + "/"
        + plain(account)
        + " closed: asks again "
        + MINUTE.format(roundedUp(until));
  }

  /** The label of the timer of a run whose workspace or session is another run's. */
  public static String busySummary(String what, String holder, Instant until) {
    return busy(what, holder) + "; tries again " + MINUTE.format(roundedUp(until));
  }

  /**
   * What is said of a workspace or session that is another run's: {@code the workspace: run X works
   * in it}.
   *
   * @param holder the run's workflow id; null if it is not known
   */
  public static String busy(String what, String holder) {
    String run = holder == null ? "another run" : "run " + plain(holder);
    return "the " + what + ": " + run + (what.equals("session") ? " works on it" : " works in it");
  }

  /** The label of the timer of a run whose host has not taken an invocation. */
  public static String hostSummary(String host, Instant until) {
    return "host " + plain(host) + " is away: looks again " + MINUTE.format(roundedUp(until));
  }

  /**
   * What is said of a run's worktree that is kept.
   *
   * @param commits how many commits its branch has beyond where it began
   * @param changed how many paths are not committed
   */
  public static String keptWorktree(String branch, int commits, int changed) {
    return "kept: branch "
        + plain(branch)
        + " with "
        + commits
        + (commits == 1 ? " commit, " : " commits, ")
        + changed
        + (changed == 1 ? " path" : " paths")
        + " not committed";
  }

  /** What is said of an invocation that workers keep giving back. */
  public static String givenBack(int inARow) {
    return "its workers gave it back "
        + inARow
        + (inARow == 1 ? " time" : " times")
        + " in a row before the agent had done anything; it is made again after growing pauses";
  }

  /**
   * The label of the timer before an invocation that was given back is made again.
   *
   * @param inARow how often that was with nothing done; 0 if something was
   */
  public static String givenBackSummary(int inARow, Instant until) {
    return (inARow > 1 ? "given back " + inARow + " times in a row" : "given back")
        + ": made again "
        + MINUTE.format(roundedUp(until));
  }

  /**
   * Why a worker could not start an agent: what it says, on one line that is safe to show.
   *
   * @param message with its code in front
   */
  public static String notStarted(String message) {
    String text = message.strip().replaceFirst("^\\[" + ErrorCode.NOT_STARTED.code() + "] *", "");
    return ErrorCode.NOT_STARTED.code() + ": " + plain(text, MAX_REASON);
  }

  /** The label of the timer of a run whose worker cannot start an agent. */
  public static String notStartedSummary(String host, Instant until) {
    return "a worker of host "
        + plain(host)
        + " cannot start an agent: tries again "
        + MINUTE.format(roundedUp(until));
  }

  /** The first line of the details of a run whose worker cannot start an agent. */
  public static String waitingForWorker(Instant now, Instant next, String host) {
    return "**waiting** for its host "
        + plain(host)
        + ", where no agent can be started; tries again "
        + in(now, next);
  }

  /** What is said of the worktree of a run that went on on another host. */
  public static String leftWorktree(String branch, String host) {
    return "its worktree stays on host "
        + plain(host)
        + ": branch "
        + plain(branch)
        + " (there: outlast worktrees)";
  }

  /** The label of an invocation: {@code claude/work turn 1, invocation 2: resumes the session}. */
  public static String invocationSummary(
      String agent, String account, int turn, int invocation, String start) {
    return plain(agent)
        + "/"
        + plain(account)
        + " turn "
        + turn
        + ", invocation "
        + invocation
        + ": "
        + start;
  }

  /** Why a run is paused whose budget is spent: what it has used of it, and what to do. */
  public static String budgetSpent(String used) {
    return "the budget is spent (" + used + "); raise it with the update changeBudget, or cancel";
  }

  /**
   * What a run's event says of an invocation on paid overage.
   *
   * @param usd what it cost; 0 where the agent does not say
   */
  public static String overage(double usd, boolean avoided) {
    return "the agent worked on paid overage, "
        + (usd > 0 ? usd(usd) : "at a cost that it has not told")
        + (avoided ? "; the run goes on within the allowance" : "");
  }

  /**
   * How a cost is shown that was paid beyond the allowance.
   *
   * @param usd 0 where the agent does not say what it cost
   */
  public static String onOverage(double usd) {
    return "on paid overage: " + (usd > 0 ? usd(usd) : "at a cost that the agent has not told");
  }

  /**
   * A budget in words: {@code 5.00 USD, 2000000 tokens}.
   *
   * @param costUsd null for no bound
   * @param tokens null for no bound
   */
  public static String budget(Double costUsd, Long tokens) {
    String cost = costUsd == null ? "" : usd(costUsd);
    String count = tokens == null ? "" : tokens + " tokens";
    return cost + (cost.isEmpty() || count.isEmpty() ? "" : ", ") + count;
  }

  /** An amount of US dollars to the cent; what is less than one is no longer shown as nothing. */
  public static String usd(double amount) {
    if (!Double.isFinite(amount)) {
      return amount + " USD";
    }
    BigDecimal exact = BigDecimal.valueOf(amount);
    BigDecimal cents = exact.setScale(2, RoundingMode.HALF_UP);
    boolean hidden = cents.signum() == 0 && exact.signum() != 0;
    return (hidden ? exact.round(new MathContext(2)).toPlainString() : cents.toPlainString())
        + " USD";
  }

  /** A share as people read it: {@code 95 %}, {@code 99.5 %}. */
  public static String percent(double share) {
    if (!Double.isFinite(share)) {
      return share + " %";
    }
    return BigDecimal.valueOf(100 * share)
            .setScale(1, RoundingMode.HALF_UP)
            .stripTrailingZeros()
            .toPlainString()
        + " %";
  }

  /** What a run's event says of a limit. */
  public static String limited(String scope, boolean unrecognised) {
    return unrecognised
        ? "unrecognised limit: no rule knows the agent's message, and the incident has its evidence"
        : scope + " limit";
  }

  /** The moment in words that need no zone. */
  public static String moment(Instant instant) {
    return SECOND.format(instant.truncatedTo(ChronoUnit.SECONDS));
  }

  /** The first line of the details of a waiting run. */
  public static String waiting(Instant now, Instant resumeAt, String scope) {
    return "**waiting** for the "
        + (scope.equals("unknown") ? "usage" : scope)
        + " limit: resumes "
        + in(now, resumeAt);
  }

  /** The first line of the details of a run that waits for what another run has. */
  public static String waitingForBusy(Instant now, Instant next, String what, String holder) {
    return "**waiting** for " + busy(what, holder) + "; tries again " + in(now, next);
  }

  /**
   * The first line of the details of a run whose account lets no agent start for it.
   *
   * @param why null if that is not known
   */
  public static String waitingForAccount(Instant now, Instant next, String why) {
    return "**waiting** for " + account(why) + "; asks again " + in(now, next);
  }

  /**
   * What is said of an account that lets no agent start: {@code the account: 4 of 4 agents are at
   * work}.
   *
   * @param why null if that is not known
   */
  public static String account(String why) {
    if (why == null) {
      return "the account, which is closed";
    }
    String said = reason(why);
    if (said.startsWith("the account: ")) {
      return said;
    }
    return said.startsWith("the account is ")
        ? said.replaceFirst("^the account is ", "the account, which is ")
        : "the account: " + said;
  }

  /** The first line of the details of a run whose host has not taken an invocation. */
  public static String waitingForHost(String host) {
    return "**waiting** for its host "
        + plain(host)
        + ", of which no worker is heard; goes on as soon as one is there";
  }

  private static String in(Instant now, Instant next) {
    return "**"
        + moment(next)
        + "** (in "
        + DurationText.of(Duration.between(now, next))
        + " as of "
        + moment(now)
        + ")";
  }

  /**
   * A name made safe to show: control, bidirectional and Markdown characters become {@code ?}, and
   * what is longer than 80 characters is cut.
   */
  public static String plain(String name) {
    return plain(name, 80);
  }

  /**
   * A reason made safe to show, as {@link #plain} does, of at most 300 characters.
   *
   * @param why null for none
   * @return null for none
   */
  public static String reason(String why) {
    return why == null ? null : plain(why, MAX_REASON);
  }

  private static String plain(String name, int longest) {
    StringBuilder safe = new StringBuilder();
    name.codePoints().limit(longest).map(c -> harmless(c) ? c : '?').forEach(safe::appendCodePoint);
    return safe.toString();
  }

  private static boolean harmless(int c) {
    return Character.isLetterOrDigit(c) || c == ' ' || "-_.,:;/@+#=()'·%".indexOf(c) >= 0;
  }

  private static Instant roundedUp(Instant instant) {
    Instant minute = instant.truncatedTo(ChronoUnit.MINUTES);
    return minute.equals(instant) ? minute : minute.plus(1, ChronoUnit.MINUTES);
  }
}
