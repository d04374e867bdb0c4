package dev.outlast.activities;

import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.CommandLine;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.SessionId;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** Claude's way to talk, with the habits that a test gives it. */
final class ScriptedDriver implements AgentDriver {

  /** What an agent prints on standard error when it begins to sit a limit out. */
  static final String SLEEPS = "sleeping until the reset";

  /** What a line of standard error begins with that cannot be read. */
  static final String BREAKS = "too deep: ";

  private final AgentDriver claude;
  Map<String, String> needed = Map.of();
  IOException unready;
  Duration settles = Duration.ZERO;

  /** What happens after everything was checked, and before the agent is started. */
  Runnable meanwhile = () -> {};

  boolean keepsRefusedPrompt = true;
  List<String> versionArguments = List.of();

  /** What happens while a call is made ready, after all else. */
  Runnable beforeStart = () -> {};

  /** What each call is concluded with; null for what Claude's own reader says. */
  Conclusion conclusion;

  /** What only the conclusion learns of the session; null for nothing. */
  SessionId learnt;

  /** What standard error's line {@code log:…} names. */
  private static final String LOG = "log:";

  volatile Surroundings surroundings;

  ScriptedDriver(ScriptedAgent agent) {
    claude = Providers.driver(agent.definition());
  }

  @Override
  public boolean choosesSession() {
    return true;
  }

  @Override
  public boolean continuesLast() {
    return true;
  }

  @Override
  public CommandLine commandLine(AgentCall call) {
    beforeStart.run();
    return claude.commandLine(call);
  }

  @Override
  public Map<String, String> prepare(Surroundings host) throws IOException {
    if (unready != null) {
      throw unready;
    }
    return needed;
  }

  @Override
  public Instant startsAt(AgentCall call, Surroundings host, Instant now) {
    meanwhile.run();
    return now.plus(settles);
  }

  @Override
  public boolean keepsRefusedPrompt() {
    return keepsRefusedPrompt;
  }

  @Override
  public List<String> versionArguments() {
    return versionArguments;
  }

  @Override
  public OutputReader reader(Surroundings host) {
    surroundings = host;
    return new Reader(claude.reader(host));
  }

  private final class Reader implements OutputReader {
    private final OutputReader reader;
    private boolean sleeps;
    private SessionId logged;

    Reader(OutputReader reader) {
      this.reader = reader;
    }

    @Override
    public void stdout(OutputLine line, Instant readAt) {
      reader.stdout(line, readAt);
    }

    @Override
    public void stderr(OutputLine line, Instant readAt) {
      sleeps |= line.text().contains(SLEEPS);
      if (line.text().startsWith(BREAKS)) {
        throw new StackOverflowError(line.text());
      }
      if (line.text().startsWith(LOG)) {
        logged = new SessionId(line.text().substring(LOG.length()));
      }
      reader.stderr(line, readAt);
    }

    @Override
    public boolean sitsOutLimit(Instant now) {
      return sleeps;
    }

    @Override
    public CallFacts facts() {
      CallFacts facts = reader.facts();
      return new CallFacts(
          facts.session(),
          logged,
          versionArguments.isEmpty() ? facts.agentVersion() : null,
          facts.taken(),
          facts.progressed(),
          facts.lastTool(),
          facts.lastItem(),
          facts.tokens(),
          facts.costUsd(),
          facts.usingOverage());
    }

    @Override
    public Conclusion conclude(int exitCode, Instant now) {
      logged = learnt == null ? logged : learnt;
      return conclusion == null ? reader.conclude(exitCode, now) : conclusion;
    }
  }
}
