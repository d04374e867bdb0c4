package dev.outlast.activities.provider.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.LineTail;
import java.time.Duration;
import java.time.Instant;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads Gemini CLI's standard error, where other programs write too: only what has one of the CLI's
 * own forms (version 0.61) is taken for its word.
 */
final class OwnLog {

  private static final int MAX_TAIL = 64 * 1024;
  private static final int MAX_LINE_BYTES = 16 * 1024;

  /** How many lines a message may have. */
  private static final int MAX_MESSAGE_LINES = 30;

  /** "Attempt 1 failed: MESSAGE. Retrying after 7489271ms..." */
  private static final Pattern ATTEMPT =
      Pattern.compile("^(?:\\[\\w{1,10}\\] )?Attempt \\d++ failed\\b:? ?(.*)$");

  /** "Attempt 1 failed with status 429. Retrying with backoff... _ApiError: {…}" */
  private static final String BACKOFF = "Retrying with backoff...";

  private static final Pattern RETRYING =
      Pattern.compile("^(.*?)\\.? ?Retrying (?:after|in) (\\d{1,13})(?:\\.\\d+)? ?(ms|s)\\b");

  /**
   * "Error when talking to Gemini API Full report available at: FILE TerminalQuotaError: MESSAGE"
   */
  private static final Pattern REPORT =
      Pattern.compile(
          "^(?:Error when talking to Gemini API\\b.*?\\s_?\\w*Error"
              + "|_?(?:\\w*QuotaError|ApiError|ModelNotFoundError|ValidationRequiredError)): (.+)$");

  private static final Pattern WRAPPED = Pattern.compile("^(?:Error: )?(\\[API Error: .+)$");

  /** A session that is not there, or an id that another one has. */
  private static final Pattern SESSION =
      Pattern.compile("^Error (?:resuming|starting) session: .+");

  /** "FatalSandboxError: Sandbox image 'x' is missing or could not be pulled." */
  private static final Pattern FATAL = Pattern.compile("^(Fatal\\w{1,40}Error): (.+)$");

  private static final Pattern STACK = Pattern.compile("^\\s+at \\S.*");
  private static final Pattern DELAY =
      Pattern.compile("^  retryDelayMs: (\\d{1,13})(?:\\.\\d+)?,?$");
  private static final Pattern STATUS = Pattern.compile("^  (?:status|code): (\\d{3}),?$");

  /**
   * A sleep in the CLI's own process.
   *
   * @param message why it sleeps
   * @param until when it will try again
   */
  record Sleep(String message, Instant readAt, Instant until) {

    boolean isLong() {
      return Duration.between(readAt, until).compareTo(ErrorWording.SHORT) > 0;
    }
  }

  /**
   * An error of the service.
   *
   * @param delay for which the CLI says that one has to wait; null if it does not
   * @param status the HTTP status; 0 if it does not say
   */
  record Report(String message, Instant readAt, Duration delay, int status) {}

  /**
   * An error of the CLI itself, because of which it gives up.
   *
   * @param name of the error's class
   */
  record Fatal(String name, String message) {}

  private final LineTail tail = new LineTail(MAX_TAIL);
  private final PrettyJson json;

  private StringBuilder attempt;
  private int attemptLines;
  private StringBuilder retried;
  private Report retry;
  private StringBuilder message;
  private int messageLines;
  private Sleep sleep;
  private Report report;
  private String sessionError;
  private Fatal fatal;

  /**
   * @param record takes a JSON object that is printed over several lines
   */
  OwnLog(BiConsumer<JsonNode, Instant> record) {
    json = new PrettyJson(record);
  }

  void line(OutputLine line, Instant readAt) {
    tail.add(line, readAt);
    String text = PlainText.clean(line.head(MAX_LINE_BYTES));
    json.line(line, readAt);
    retry(text, readAt);
    attempt(text, readAt);
    report(text, readAt);
    if (SESSION.matcher(text).matches()) {
      sessionError = text;
    }
    Matcher givesUp = FATAL.matcher(text);
    if (givesUp.matches()) {
      fatal = new Fatal(givesUp.group(1), givesUp.group(2));
    }
  }

  /** What a request was refused with that the CLI makes again after a few seconds. */
  private void retry(String text, Instant readAt) {
    if (retried == null) {
      return;
    }
    if (STACK.matcher(text).matches() || retried.length() > ErrorWording.MAX_TEXT) {
      retried = null;
    } else {
      retried.append(PlainText.head(text, ErrorWording.MAX_TEXT)).append('\n');
      retry = new Report(retried.toString(), readAt, null, 0);
    }
  }

  private void attempt(String text, Instant readAt) {
    Matcher begins = ATTEMPT.matcher(text);
    String rest = text;
    if (begins.matches()) {
      attempt = new StringBuilder();
      attemptLines = 0;
      sleep = null;
      retry = null;
      rest = begins.group(1);
    } else if (attempt == null) {
      return;
    }
    Matcher ends = RETRYING.matcher(rest);
    if (ends.find()) {
      long amount = Long.parseLong(ends.group(2));
      Instant until =
          ends.group(3).equals("ms") ? readAt.plusMillis(amount) : readAt.plusSeconds(amount);
      sleep = new Sleep(attempt.append(ends.group(1)).toString().strip(), readAt, until);
      attempt = null;
    } else if (rest.contains(BACKOFF)) {
      attempt = null;
      retried = new StringBuilder();
      retry(rest.substring(rest.indexOf(BACKOFF) + BACKOFF.length()), readAt);
    } else if (++attemptLines > MAX_MESSAGE_LINES) {
      attempt = null;
    } else {
      attempt.append(PlainText.head(rest, ErrorWording.MAX_TEXT)).append('\n');
    }
  }

  private void report(String text, Instant readAt) {
    Matcher begins = REPORT.matcher(text);
    Matcher wrapped = WRAPPED.matcher(text);
    boolean isReport = begins.matches();
    if (isReport || wrapped.matches()) {
      message = new StringBuilder(isReport ? begins.group(1) : wrapped.group(1));
      messageLines = 0;
      report = new Report(message.toString(), readAt, null, 0);
      return;
    }
    Matcher delay = DELAY.matcher(text);
    Matcher status = STATUS.matcher(text);
    if (report != null && delay.matches()) {
      Duration told = Duration.ofMillis(Long.parseLong(delay.group(1)));
      report = new Report(report.message(), report.readAt(), told, report.status());
    } else if (report != null && status.matches()) {
      int code = Integer.parseInt(status.group(1));
      report = new Report(report.message(), report.readAt(), report.delay(), code);
    }
    if (message == null) {
      return;
    }
    if (STACK.matcher(text).matches() || text.isBlank() || ++messageLines > MAX_MESSAGE_LINES) {
      message = null;
    } else {
      message.append('\n').append(PlainText.head(text, ErrorWording.MAX_TEXT));
      report = new Report(message.toString(), report.readAt(), report.delay(), report.status());
    }
  }

  /** Whether there is nothing that an answer would end. */
  boolean quiet() {
    return sleep == null && report == null;
  }

  /** The sleep that was announced last; null if none was, or another attempt has failed since. */
  Sleep sleep() {
    return sleep;
  }

  /**
   * Notes that the model has answered, and so neither sleeps nor ends with an earlier error.
   *
   * @param at when that was; the two streams may be read in another order than they were written
   */
  void answered(Instant at) {
    if (sleep != null && !at.isBefore(sleep.readAt())) {
      sleep = null;
    }
    if (retry != null && !at.isBefore(retry.readAt())) {
      retry = null;
    }
    if (report != null && !at.isBefore(report.readAt())) {
      report = null;
    }
  }

  /** The error that was reported last; null if none was. */
  Report report() {
    return report;
  }

  /** What the request was refused with that it was about to make again; null if none. */
  Report retry() {
    return retry;
  }

  /** Why the session could not be opened; null if it says nothing of that. */
  String sessionError() {
    return sessionError;
  }

  /** The error because of which the CLI gave up; null if it named none. */
  Fatal fatal() {
    return fatal;
  }

  /** The last lines, whoever wrote them. */
  LineTail tail() {
    return tail;
  }
}
