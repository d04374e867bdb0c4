package dev.outlast.worker.cli;

import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.run.Incident;
import dev.outlast.run.RunEvent;
import dev.outlast.run.RunStatus;
import dev.outlast.worker.cli.RunExport.Attempt;
import dev.outlast.worker.cli.RunExport.ExportedItem;
import dev.outlast.worker.cli.RunExport.Invocation;
import dev.outlast.worker.cli.RunExport.Wait;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/**
 * Writes a run as Markdown. Whatever an agent, a user or a server has said stands in code, fenced
 * by more back quotes than it has itself, so that no viewer takes it for markup; and without what a
 * terminal would obey.
 */
final class MarkdownExport {

  private static final int MIN_FENCE = 3;

  private final StringBuilder out = new StringBuilder();

  private MarkdownExport() {}

  static String of(RunExport run) {
    MarkdownExport markdown = new MarkdownExport();
    markdown.head(run);
    markdown.ending(run);
    markdown.limits(run);
    markdown.invocations(run);
    markdown.events(run);
    return markdown.out.toString();
  }

  private void head(RunExport run) {
    line("# Run " + code(run.id()));
    line("");
    line("- State: **" + word(run.state()) + "**");
    if (run.summary() != null) {
      line("- Summary: " + code(run.summary()));
    }
    RunStatus status = run.status();
    if (status != null) {
      line("- Agent: " + code(status.agent()) + ", account " + code(status.account()));
      if (status.workspace() != null) {
        line(
            "- Workspace: "
                + code(status.workspace())
                + (status.host() == null ? "" : " on host " + code(status.host())));
      }
    }
    line("- Started: " + moment(run.startedAt()));
    if (run.endedAt() != null) {
      line("- Ended: " + moment(run.endedAt()));
    }
    line("- Tokens: " + tokens(run.tokens()));
    line("- Cost: " + cost(run.costUsd()) + ", by the agents' own account");
    line("- Exported: " + moment(run.exportedAt()));
    line("");
    for (String remark : run.remarks()) {
      line("> Note: " + Console.oneLine(remark).replace('`', '\''));
      line("");
    }
  }

  private void ending(RunExport run) {
    RunEnding ending = run.ending();
    if (ending == null) {
      return;
    }
    line("## Ending: " + word(ending.outcome()));
    line("");
    if (ending.code() != null) {
      line("Error code " + code(ending.code()) + ".");
      line("");
    }
    block(ending.result() == null ? ending.message() : ending.result().text());
  }

  private void limits(RunExport run) {
    if (!run.incidents().isEmpty()) {
      line("## Usage limits");
      line("");
      run.incidents().forEach(this::incident);
    }
    if (!run.waits().isEmpty()) {
      line("## Waits");
      line("");
      run.waits().forEach(this::wait);
      line("");
    }
    if (!run.approvals().isEmpty()) {
      line("## Approvals");
      line("");
      run.approvals().forEach(approval -> block(String.valueOf(approval)));
    }
  }

  private void incident(Incident incident) {
    UsageLimit limit = incident.limit();
    line(
        "### "
            + word(incident.id())
            + ": "
            + (limit.unrecognised() ? "unrecognised" : word(limit.scope().word()))
            + " limit");
    line("");
    line(
        "- Detected: "
            + moment(incident.detectedAt())
            + ", at invocation "
            + incident.invocation()
            + " of turn "
            + incident.turn());
    line("- Account: " + code(limit.account()) + " of " + code(limit.provider()));
    line(
        "- Reset: "
            + (limit.reset() == null ? "not known" : moment(limit.reset().latest()))
            + (incident.resumeAt() == null ? "" : "; resume at " + moment(incident.resumeAt())));
    LimitEvidence evidence = limit.evidence();
    line(
        "- Decided by rule "
            + code(evidence.rule())
            + ", read from "
            + code(evidence.channel())
            + (evidence.agentVersion() == null ? "" : ", version " + code(evidence.agentVersion()))
            + (evidence.zone() == null ? "" : ", zone " + code(evidence.zone())));
    if (evidence.text() != null) {
      line("");
      block(evidence.text());
    }
  }

  private void wait(Wait wait) {
    line(
        "- "
            + word(wait.incident())
            + ": from "
            + moment(wait.from())
            + (wait.until() == null ? "" : ", until " + moment(wait.until()))
            + (wait.endedAt() == null
                ? ", goes on"
                : ", "
                    + DurationText.of(Duration.ofSeconds(Math.max(0, wait.seconds())))
                    + ", ended "
                    + moment(wait.endedAt())
                    + (wait.endedBy() == null ? "" : " by " + word(wait.endedBy()))));
  }

  private void invocations(RunExport run) {
    int turn = -1;
    for (Invocation invocation : run.invocations()) {
      if (invocation.turn() != turn) {
        turn = invocation.turn();
        line("## Turn " + turn);
        line("");
      }
      invocation(invocation);
    }
  }

  private void invocation(Invocation invocation) {
    line(
        "### Invocation "
            + invocation.number()
            + (invocation.outcome() == null
                ? ""
                : ": "
                    + word(invocation.outcome())
                    + (invocation.reason() == null ? "" : " (" + word(invocation.reason()) + ")")));
    line("");
    if (invocation.agent() != null) {
      line("- Agent: " + code(invocation.agent()) + ", account " + code(invocation.account()));
    }
    if (invocation.session() != null) {
      line(
          "- Session: "
              + code(invocation.session())
              + (invocation.start() == null ? "" : ", " + word(invocation.start())));
    }
    if (invocation.scheduledAt() != null) {
      line(
          "- From "
              + moment(invocation.scheduledAt())
              + (invocation.endedAt() == null ? "" : " to " + moment(invocation.endedAt()))
              + (invocation.attempts() > 1 ? ", attempts: " + invocation.attempts() : ""));
    }
    if (invocation.tokens() != null && invocation.tokens().total() > 0) {
      line("- Tokens: " + tokens(invocation.tokens()) + "; cost " + cost(invocation.costUsd()));
    }
    line("");
    boolean told = invocation.recorded().stream().anyMatch(a -> a.prompt() != null);
    if (!told && invocation.message() != null) {
      said("Prompt", invocation.message());
    }
    for (Attempt attempt : invocation.recorded()) {
      attempt(attempt, invocation.recorded().size() > 1);
    }
    if (invocation.recorded().isEmpty() && invocation.said() != null) {
      said("Ended with", invocation.said());
    }
  }

  private void attempt(Attempt attempt, boolean ofSeveral) {
    if (ofSeveral) {
      line("#### Attempt " + attempt.attempt() + ", " + moment(attempt.startedAt()));
      line("");
    }
    if (attempt.prompt() != null) {
      said("Prompt", attempt.prompt());
    }
    for (String remark : attempt.remarks()) {
      line("> Note: " + remark);
      line("");
    }
    if (attempt.itemsLeftOut() > 0) {
      line("> Note: the first " + attempt.itemsLeftOut() + " items are left out");
      line("");
    }
    attempt.items().forEach(this::item);
    if (attempt.ending() != null && !attempt.ending().equals("completed")) {
      said("Ended: " + word(attempt.ending()), attempt.said());
    }
  }

  private void item(ExportedItem item) {
    line(
        "**"
            + word(item.kind())
            + "**"
            + (item.title() == null ? "" : " " + code(item.title()))
            + (item.status().equals("completed") ? "" : " (" + word(item.status()) + ")")
            + (item.agent() == null ? "" : ", by subagent " + code(item.agent()))
            + (item.cut() == null ? "" : ", cut"));
    line("");
    if (item.text() != null) {
      block(item.text());
    }
  }

  private void events(RunExport run) {
    if (run.events().isEmpty()) {
      return;
    }
    line("## Events");
    line("");
    for (RunEvent event : run.events()) {
      line(
          event.seq()
              + ". "
              + moment(event.at())
              + " "
              + word(event.type().name().toLowerCase(Locale.ROOT).replace('_', '-'))
              + (event.text().isEmpty() ? "" : ": " + code(event.text())));
    }
    line("");
  }

  private void said(String heading, String text) {
    line("**" + heading + "**");
    line("");
    block(text);
  }

  /** A text in a fence that it cannot close. */
  private void block(String text) {
    String safe = Console.harmless(text == null ? "" : text);
    String fence = "`".repeat(Math.max(MIN_FENCE, longestRun(safe) + 1));
    line(fence + "text");
    out.append(safe);
    if (!safe.endsWith("\n")) {
      out.append('\n');
    }
    line(fence);
    line("");
  }

  /** A text on one line, in a code span that it cannot close. */
  private static String code(String text) {
    String safe = Console.oneLine(String.valueOf(text));
    if (safe.isEmpty()) {
      return "(none)";
    }
    String fence = "`".repeat(longestRun(safe) + 1);
    boolean quoted = safe.startsWith("`") || safe.endsWith("`");
    return fence + (quoted ? " " + safe + " " : safe) + fence;
  }

  private static int longestRun(String text) {
    int longest = 0;
    int run = 0;
    for (int i = 0; i < text.length(); i++) {
      run = text.charAt(i) == '`' ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    return longest;
  }

  /** One of our own words; whatever else is there is no markup. */
  private static String word(String text) {
    return text == null ? "unknown" : text.replaceAll("[^A-Za-z0-9 _-]", "").replace("_", "\\_");
  }

  private static String moment(Instant at) {
    return at == null ? "unknown" : OperatorTexts.moment(at);
  }

  private static String tokens(TokenUsage tokens) {
    return String.format(
        Locale.ROOT,
        "%,d (input %,d, output %,d, reasoning %,d, cache read %,d, cache write %,d)",
        tokens.total(),
        tokens.input(),
        tokens.output(),
        tokens.reasoning(),
        tokens.cacheRead(),
        tokens.cacheWrite());
  }

  private static String cost(double usd) {
    return String.format(Locale.ROOT, "$%.4f", usd);
  }

  private void line(String text) {
    out.append(text).append('\n');
  }
}
