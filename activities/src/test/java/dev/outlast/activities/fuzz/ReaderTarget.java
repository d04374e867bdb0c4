package dev.outlast.activities.fuzz;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentDefinition.Output;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitEvidence;
import java.time.Instant;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.LongStream;

/**
 * Fuzz target: what a provider's reader makes of any output. It never throws, how the bytes come in
 * pieces changes nothing, and what it says stays within its bounds.
 */
public final class ReaderTarget {

  /** A reset that is given as an instant may be as far away as this. */
  private static final Instant LAST_RESET = Instant.parse("2100-01-01T00:00:00Z");

  /** The longest answer, in characters: what a reader keeps, and some for several texts. */
  private static final int MAX_ANSWER = 256 * 1024;

  /** More counts than this do not fit into what a fuzzer tries. */
  private static final int MAX_COUNTS = 10_000;

  private static ReaderTarget fuzzed;

  private final AgentDriver json;
  private final AgentDriver text;

  ReaderTarget(String provider) {
    json = driver(provider, Output.JSON);
    text = driver(provider, Output.TEXT);
  }

  private static AgentDriver driver(String provider, Output output) {
    return Providers.driver(
        AgentDefinition.newBuilder(provider, provider).setOutput(output).build());
  }

  /** Called by the fuzzer, once, with the provider's name. */
  public static void fuzzerInitialize(String[] args) {
    fuzzed = new ReaderTarget(args[0]);
  }

  /** Called by the fuzzer for each input. */
  public static void fuzzerTestOneInput(byte[] bytes) {
    fuzzed.check(bytes);
  }

  void check(byte[] bytes) {
    FuzzInput input = FuzzInput.of(bytes);
    OutputReader whole = read(input, Integer.MAX_VALUE);
    OutputReader pieces = read(input, input.chunk());
    CallFacts facts = whole.facts();
    Conclusion conclusion = whole.conclude(input.exitCode(), input.now());
    same(facts, pieces.facts());
    same(conclusion, pieces.conclude(input.exitCode(), input.now()));
    same(whole.sitsOutLimit(input.now()), pieces.sitsOutLimit(input.now()));
    sane(facts);
    sane(whole.facts());
    sane(conclusion, input.now());
  }

  private OutputReader read(FuzzInput input, int chunk) {
    AgentDriver driver = input.option(0) ? text : json;
    OutputReader reader = driver.reader(Surroundings.recorded(input.zone()));
    Runnable stdout = () -> feed(input.stdout(), chunk, line -> reader.stdout(line, input.now()));
    Runnable stderr = () -> feed(input.stderr(), chunk, line -> reader.stderr(line, input.now()));
    (input.option(1) ? stderr : stdout).run();
    (input.option(1) ? stdout : stderr).run();
    return reader;
  }

  private static void feed(byte[] bytes, int chunk, Consumer<OutputLine> sink) {
    LineSplitter lines = new LineSplitter(sink);
    byte[] part = new byte[Math.min(chunk, Math.max(1, bytes.length))];
    for (int from = 0; from < bytes.length; from += part.length) {
      int count = Math.min(part.length, bytes.length - from);
      System.arraycopy(bytes, from, part, 0, count);
      lines.feed(part, count);
    }
    lines.end();
  }

  private static void sane(CallFacts facts) {
    sane(facts.session());
    sane(facts.loggedSession());
    shown(facts.agentVersion(), ToolNames.MAX_NAME);
    shown(facts.lastTool(), ToolNames.MAX_NAME);
    TokenUsage tokens = facts.tokens();
    check(
        LongStream.of(
                tokens.input(),
                tokens.output(),
                tokens.reasoning(),
                tokens.cacheRead(),
                tokens.cacheWrite())
            .allMatch(count -> count >= 0 && count <= Json.MAX_COUNT * MAX_COUNTS),
        "tokens",
        tokens);
    check(facts.costUsd() >= 0 && Double.isFinite(facts.costUsd()), "cost", facts.costUsd());
  }

  private static void sane(SessionId session) {
    check(session == null || SessionId.valid(session.value()), "session", session);
  }

  private static void sane(Conclusion conclusion, Instant now) {
    shown(conclusion.basis().evidence(), LimitEvidence.MAX_TEXT);
    check(!conclusion.basis().rule().isBlank(), "rule", conclusion);
    check(conclusion.basis().rule().length() <= 200, "rule", conclusion);
    check(!conclusion.basis().channel().isBlank(), "channel", conclusion);
    if (conclusion instanceof Conclusion.Completed completed) {
      check(completed.text().length() <= MAX_ANSWER, "answer", completed.text().length());
    }
    if (conclusion instanceof Conclusion.Limited limited) {
      check(limited.scope() != null && limited.setBy() != null, "limit", limited);
      Instant last = now.plus(ResetReader.MAX_AHEAD);
      check(
          limited.reset() == null
              || !limited.reset().latest().isAfter(last.isAfter(LAST_RESET) ? last : LAST_RESET),
          "reset",
          limited);
    }
  }

  private static void shown(String text, int maxChars) {
    check(
        text == null || (text.length() <= maxChars && PlainText.clean(text).equals(text)),
        "text",
        text);
  }

  private static void same(Object whole, Object pieces) {
    if (!Objects.equals(whole, pieces)) {
      throw new AssertionError("read whole: " + whole + "; read in pieces: " + pieces);
    }
  }

  private static void check(boolean right, String what, Object value) {
    if (!right) {
      throw new AssertionError(what + " out of bounds: " + value);
    }
  }
}
