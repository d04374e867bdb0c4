package dev.outlast.worker.cli;

import dev.outlast.agent.Budget;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.ResumeWith;
import dev.outlast.operator.DurationText;
import dev.outlast.run.AgentChoice;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.worker.config.TokenCount;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Options of a run about which accounts it uses, when, and for how much. */
final class AccountOptions {

  @Option(
      names = "--agents",
      split = ",",
      paramLabel = "AGENT[:ACCOUNT[:MODEL]]",
      description =
          "The agents that the run may use, the preferred one first, with commas; in place of"
              + " --agent, --account and --model. At a limit the next one goes on whose account is"
              + " open, unless --on-limit says otherwise.")
  private List<String> agents = List.of();

  @Option(
      names = "--overage",
      paramLabel = "use|avoid",
      description =
          "What to do about paid use beyond the allowance (default: the worker's setting).")
  private String overage;

  @Option(
      names = "--budget-cost",
      paramLabel = "USD",
      description = "Pause the run and ask when it has cost so much.")
  private Double budgetCost;

  @Option(
      names = "--budget-tokens",
      paramLabel = "N",
      description = "Pause the run and ask when it has used so many tokens (500k, 2M).")
  private String budgetTokens;

  @Option(
      names = "--priority",
      paramLabel = "1-5",
      description = "1 goes first among the runs of an account (default: 3).")
  private Integer priority;

  @Option(
      names = "--fairness-key",
      paramLabel = "KEY",
      description = "Runs of different keys take turns (default: the account).")
  private String fairnessKey;

  @Option(
      names = "--start-at",
      paramLabel = "WHEN",
      description =
          "Begin at an instant (2026-11-21T15:00:00Z), after a duration (90m), or at the account's"
              + " next reset (next-reset).")
  private String startAt;

  @Option(
      names = "--resume-with",
      paramLabel = "session|handoff|auto",
      description =
          "How to go on after a limit: in the session, or in a fresh one that is told what was done"
              + " (default: the worker's setting).")
  private String resumeWith;

  /** The agents in their order; empty if there is no list. */
  List<AgentChoice> choices() {
    List<AgentChoice> choices = new ArrayList<>();
    for (String written : agents) {
      String[] parts = written.strip().split(":", 3);
      if (parts[0].isEmpty()) {
        throw new CliException(
            ExitCode.USAGE,
            "--agents: got \""
                + Console.oneLine(written)
                + "\"; expected AGENT, AGENT:ACCOUNT or AGENT:ACCOUNT:MODEL, such as"
                + " claude:work,codex");
      }
      choices.add(new AgentChoice(parts[0], part(parts, 1), part(parts, 2)));
    }
    return choices;
  }

  private static String part(String[] parts, int index) {
    return parts.length <= index || parts[index].isEmpty() ? null : parts[index];
  }

  /** Adds what was given to a request. */
  void addTo(AgentRunRequest.Builder request, Instant now) {
    request
        .setAgents(choices())
        .setOverage(Words.one("--overage", overage, OverageUse.class))
        .setBudget(budget("--budget-tokens", budgetCost, budgetTokens).orElse(null))
        .setPriority(priority)
        .setFairnessKey(fairnessKey)
        .setStartAt(start(now))
        .setResumeWith(Words.one("--resume-with", resumeWith, ResumeWith.class));
  }

  private String start(Instant now) {
    if (startAt == null || startAt.equals(AgentRunRequest.NEXT_RESET)) {
      return startAt;
    }
    return DurationText.moment(startAt, now)
        .map(moment -> moment.truncatedTo(ChronoUnit.SECONDS).toString())
        .orElseThrow(
            () ->
                new CliException(
                    ExitCode.USAGE,
                    "--start-at: got \""
                        + Console.oneLine(startAt)
                        + "\"; expected an instant such as 2026-11-21T15:00:00Z, "
                        + DurationText.EXPECTED
                        + " from now, or "
                        + AgentRunRequest.NEXT_RESET));
  }

  /**
   * @param tokensOption names the option of the tokens in messages
   * @return empty if neither is given
   */
  static Optional<Budget> budget(String tokensOption, Double costUsd, String tokens) {
    if (costUsd == null && tokens == null) {
      return Optional.empty();
    }
    return Optional.of(new Budget(costUsd, tokens == null ? null : tokens(tokensOption, tokens)));
  }

  private static Long tokens(String option, String text) {
    return TokenCount.parse(text)
        .orElseThrow(
            () ->
                new CliException(
                    ExitCode.USAGE,
                    option
                        + ": got \""
                        + Console.oneLine(text)
                        + "\"; expected "
                        + TokenCount.EXPECTED));
  }
}
