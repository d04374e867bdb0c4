package dev.outlast.worker.cli;

import dev.outlast.agent.InvocationProgress;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.RunEvent;
import dev.outlast.run.RunStatus;
import dev.outlast.run.WaitsFor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Shows on standard error what a run does, until it ends. */
final class RunFollower {

  private static final Duration TICK = Duration.ofSeconds(1);

  /** After this long without any answer the user is told what is probably wrong. */
  private static final Duration SILENCE = Duration.ofSeconds(5);

  /** How long a server that is away is waited for. */
  private static final Duration MAX_LOST = Duration.ofMinutes(2);

  private static final int MAX_LINE = 110;
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("HH:mm:ss").withZone(ZoneId.systemDefault());

  private final Console console;
  private final WorkflowClient client;
  private final String id;
  private final boolean json;
  private final boolean progress;
  private boolean liveLine;
  private long shownSeq;
  private Instant shownResumeAt;
  private boolean saidSilent;
  private String shownFailure;

  /** When the server was last missed, and since when; null while it is there. */
  private Instant lostAt;

  private Instant lostSince;

  /**
   * @param json print the result as JSON
   * @param progress show what goes on; otherwise only the result
   */
  RunFollower(Console console, WorkflowClient client, String id, boolean json, boolean progress) {
    this.console = console;
    this.client = client;
    this.id = id;
    this.json = json;
    this.progress = progress;
  }

  /** Follows until the run ends, and gives the exit code. Ctrl-C leaves the run going. */
  int follow() {
    Thread detached =
        new Thread(
            () -> {
              clearLine();
              console.say("outlast: detached; the run goes on. Follow it: outlast follow " + id);
            });
    Runtime.getRuntime().addShutdownHook(detached);
    try {
      if (progress) {
        console.say("run " + id);
      }
      RunEnding ending;
      try {
        ending = awaitEnding();
        clearLine();
      } finally {
        forget(detached);
      }
      return ending.report(console, json);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return ExitCode.INTERRUPTED;
    }
  }

  private static void forget(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException endsAlready) {
      // The process is being ended, and the hook says what it is there to say.
      return;
    }
  }

  private RunEnding awaitEnding() throws InterruptedException {
    WorkflowStub stub = client.newUntypedWorkflowStub(id);
    CompletableFuture<AgentRunResult> result = stub.getResultAsync(AgentRunResult.class);
    RunWatch watch = progress ? new RunWatch(client, id) : null;
    Instant began = Instant.now();
    try {
      while (true) {
        try {
          AgentRunResult done = result.get(TICK.toMillis(), TimeUnit.MILLISECONDS);
          if (watch != null) {
            showEvents(watch.lastEvents());
          }
          return RunEnding.completed(id, done);
        } catch (TimeoutException goesOn) {
          if (watch != null) {
            show(watch, began);
          }
        } catch (ExecutionException e) {
          if (e.getCause() instanceof WorkflowFailedException failed) {
            if (watch != null) {
              showEvents(watch.lastEvents());
            }
            return RunEnding.failed(client, id, failed);
          }
          if (unreachable(e)) {
            lost();
            TimeUnit.MILLISECONDS.sleep(TICK.toMillis());
            result = stub.getResultAsync(AgentRunResult.class);
            continue;
          }
          throw e.getCause() instanceof RuntimeException cause
              ? cause
              : new IllegalStateException(e.getCause());
        }
      }
    } finally {
      if (watch != null) {
        watch.close();
      }
    }
  }

  private static boolean unreachable(Throwable thrown) {
    for (Throwable e = thrown; e != null; e = e.getCause()) {
      if (e instanceof StatusRuntimeException status) {
        return status.getStatus().getCode() == Status.Code.UNAVAILABLE;
      }
    }
    return false;
  }

  /** Says that the server is away, and gives up when it has been for too long. */
  private void lost() {
    Instant now = Instant.now();
    boolean another = lostAt == null || Duration.between(lostAt, now).compareTo(MAX_LOST) > 0;
    lostAt = now;
    if (another) {
      lostSince = now;
      line(
          "cannot reach the Temporal server; trying again for "
              + DurationText.of(MAX_LOST)
              + ". The run is as safe as what the server keeps");
    } else if (Duration.between(lostSince, now).compareTo(MAX_LOST) > 0) {
      throw new CliException(
          ExitCode.NO_TEMPORAL,
          "cannot reach Temporal any more; when it is back: outlast follow " + id);
    }
  }

  private void show(RunWatch watch, Instant began) {
    // Taken in this order, the events that led to the status are shown before it.
    Optional<RunStatus> status = watch.status();
    showEvents(watch.newEvents());
    Instant heard = watch.heardAt().orElse(began);
    if (Duration.between(heard, Instant.now()).compareTo(SILENCE) > 0) {
      if (!watch.reachable()) {
        lost();
      } else if (!saidSilent) {
        lostAt = null;
        saidSilent = true;
        line(watch.whySilent());
      }
    } else {
      saidSilent = false;
      lostAt = null;
    }
    watch.trouble().ifPresent(this::line);
    watch.failed().ifPresent(this::showFailed);
    status.ifPresent(s -> showStatus(s, watch));
  }

  private void showEvents(List<RunEvent> events) {
    for (RunEvent event : events) {
      if (event.seq() > shownSeq) {
        shownSeq = event.seq();
        String word = event.type().name().toLowerCase(Locale.ROOT).replace('_', '-');
        String text = Console.oneLine(event.text());
        line(TIME.format(event.at()) + "  " + word + (text.isEmpty() ? "" : ": " + text));
      }
    }
  }

  private void showFailed(FailedAttempt failed) {
    // Once for each attempt, whether it is still to come or at work already.
    String attempt = failed.activity() + "#" + failed.attempt();
    if (!attempt.equals(shownFailure)) {
      shownFailure = attempt;
      line(TIME.format(Instant.now()) + "  failing: " + failed.text());
    }
  }

  private void showStatus(RunStatus status, RunWatch watch) {
    if (status.state() == AgentState.WAITING && status.resumeAt() == null) {
      live("waiting for its host " + host(status) + "; go on elsewhere with: outlast move " + id);
    } else if (status.state() == AgentState.WAITING && forOtherRun(status)) {
      // A try each minute: the events tell of the wait, and a line for each would hide them.
      live("waiting for " + busy(status) + "; tries again at " + at(status));
    } else if (status.state() == AgentState.WAITING && status.waitsFor() == WaitsFor.WORKER) {
      live("waiting for its host, where no agent can be started; tries again at " + at(status));
    } else if (status.state() == AgentState.WAITING) {
      showWait(status);
    } else if (status.state() == AgentState.PAUSED) {
      boolean budget = Boolean.TRUE.equals(status.budgetSpent());
      live(
          budget
              ? "paused, as its budget is spent; raise it with: outlast budget " + id
              : "paused; let it go on with: outlast unpause " + id);
    } else {
      live(watch.progress().map(p -> working(status, p)).orElse(""));
    }
  }

  private static boolean forOtherRun(RunStatus status) {
    return status.waitsFor() == WaitsFor.WORKSPACE || status.waitsFor() == WaitsFor.SESSION;
  }

  private static String busy(RunStatus status) {
    return OperatorTexts.busy(status.waitsFor().word(), status.holder());
  }

  private static String at(RunStatus status) {
    return OperatorTexts.moment(status.resumeAt());
  }

  private static String host(RunStatus status) {
    return Console.oneLine(String.valueOf(status.host()));
  }

  private void showWait(RunStatus status) {
    String what = Console.oneLine(RunWait.what(status).orElse("what it has not said"));
    String at = OperatorTexts.moment(status.resumeAt());
    Instant now = Instant.now();
    Duration left = Duration.between(now, status.resumeAt());
    if (console.terminal() && RunWait.atGate(status, now)) {
      live("waiting for " + what + ": goes on when its account lets it");
    } else if (console.terminal()) {
      Duration shown = left.truncatedTo(ChronoUnit.SECONDS);
      live("waiting for " + what + ": resumes in " + DurationText.of(shown) + ", " + at);
    } else if (!status.resumeAt().equals(shownResumeAt)) {
      shownResumeAt = status.resumeAt();
      line(
          "waiting for "
              + what
              + ": resumes at "
              + at
              + " (in "
              + DurationText.of(left)
              + "); to resume at once: outlast resume "
              + id);
    }
  }

  private static String working(RunStatus status, InvocationProgress p) {
    StringBuilder text = new StringBuilder();
    text.append(Console.oneLine(String.valueOf(status.agent()))).append(' ');
    text.append(p.phase().name().toLowerCase(Locale.ROOT));
    text.append(" · invocation ").append(status.invocations());
    if (p.lastItem() != null) {
      text.append(" · ").append(p.lastItem().word());
    }
    if (p.lastTool() != null) {
      text.append(" · ").append(Console.oneLine(p.lastTool()));
    }
    long tokens = status.tokens() == null ? 0 : status.tokens().total();
    text.append(String.format(Locale.ROOT, " · %,d tokens", tokens + p.tokens().total()));
    if (p.session() != null) {
      text.append(" · session ").append(p.session());
    }
    return text.toString();
  }

  /** A line that stays. */
  private void line(String text) {
    clearLine();
    console.say(text);
  }

  /** A line that the next one replaces; only on a terminal. */
  private void live(String text) {
    if (!console.terminal()) {
      return;
    }
    clearLine();
    String cut = text.length() <= MAX_LINE ? text : text.substring(0, MAX_LINE - 1) + "…";
    console.err().print(cut);
    console.err().flush();
    liveLine = !cut.isEmpty();
  }

  private void clearLine() {
    if (liveLine) {
      console.err().print("\r\u001b[K");
      console.err().flush();
      liveLine = false;
    }
  }
}
