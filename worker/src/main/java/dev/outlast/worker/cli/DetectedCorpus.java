package dev.outlast.worker.cli;

import dev.outlast.activities.detect.CorpusCase;
import dev.outlast.activities.detect.CorpusCase.Mismatch;
import dev.outlast.activities.detect.DetectionReport;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What the cases of a folder were concluded to mean. Cases are read one at a time; only the answers
 * are kept.
 */
final class DetectedCorpus {

  /** The most files that are read from one folder. */
  static final int MAX_CASES = 100_000;

  private static final String ENDING = ".json";

  /** How many bad files are told of. */
  private static final int MAX_PROBLEMS = 20;

  private final Map<String, Answer> answers = new TreeMap<>();
  private final List<String> problems = new ArrayList<>();

  /** An answer and what is wrong with it. */
  private record Answer(DetectionReport report, Path file, List<Mismatch> wrong) {}

  private DetectedCorpus() {}

  /**
   * Reads and judges all {@code *.json} of a folder; other files, such as its README.md, are left
   * alone. One that is no case does not keep the others from being judged.
   *
   * @throws CliException if the folder has no cases
   */
  static DetectedCorpus read(Path folder) {
    DetectedCorpus corpus = new DetectedCorpus();
    List<Path> files = files(folder);
    if (files.isEmpty()) {
      throw new CliException(
          ExitCode.USAGE, folder + " has no cases; expected files that end in " + ENDING);
    }
    files.forEach(corpus::add);
    return corpus;
  }

  /**
   * Says that some of the files are no cases.
   *
   * @throws CliException if so; the message names the files
   */
  void complain() {
    if (problems.isEmpty()) {
      return;
    }
    int more = problems.size() - MAX_PROBLEMS;
    String told =
        String.join("\noutlast: ", problems.subList(0, Math.min(MAX_PROBLEMS, problems.size())));
    throw new CliException(ExitCode.USAGE, more > 0 ? told + "\n… and " + more + " more" : told);
  }

  boolean isEmpty() {
    return answers.isEmpty();
  }

  private static List<Path> files(Path folder) {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, "*" + ENDING)) {
      for (Path file : all) {
        if (files.size() == MAX_CASES) {
          throw new CliException(
              ExitCode.USAGE, folder + " has more than " + MAX_CASES + " cases; split it");
        }
        files.add(file);
      }
    } catch (IOException e) {
      throw new CliException(ExitCode.USAGE, folder + " cannot be read as a folder (" + e + ")");
    }
    Collections.sort(files);
    return files;
  }

  private void add(Path file) {
    try {
      CorpusCase each = CorpusCase.read(file);
      DetectionReport report = each.detect();
      Answer other = answers.putIfAbsent(each.id(), new Answer(report, file, each.judge(report)));
      if (other != null) {
        problem(file, "id: " + each.id() + " is also the id of " + other.file().getFileName());
      }
    } catch (IllegalArgumentException e) {
      problem(file, e.getMessage());
    } catch (IOException e) {
      problem(file, "cannot be read (" + e + ")");
    }
  }

  private void problem(Path file, String what) {
    problems.add(Console.oneLine(file + ": " + what));
  }

  /** How many cases are wrong. */
  long wrong() {
    return answers.values().stream().filter(answer -> !answer.wrong().isEmpty()).count();
  }

  /** The answers, in the order of their ids. */
  List<Map<String, Object>> asJson() {
    List<Map<String, Object>> all = new ArrayList<>();
    answers.forEach(
        (id, answer) -> {
          Map<String, Object> facts = new LinkedHashMap<>();
          facts.put("id", id);
          facts.putAll(conclusion(answer.report()));
          facts.put("rule", answer.report().rule());
          all.add(facts);
        });
    return all;
  }

  /**
   * What was concluded, without what it was decided on. Of an interval in which a reset lies the
   * beginning is told.
   */
  static Map<String, Object> conclusion(DetectionReport report) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("outcome", report.outcome());
    facts.put("limited", report.limited());
    facts.put("scope", report.scope() == null ? null : report.scope().word());
    facts.put("resetAt", report.reset() == null ? null : report.reset().earliest());
    facts.put("usingOverage", report.usingOverage());
    facts.put("sessionId", report.session() == null ? null : report.session().value());
    facts.put("reason", report.reason());
    return facts;
  }

  /** A table of what is wrong, and how many. */
  List<String> asText() {
    List<List<String>> rows = new ArrayList<>();
    answers.forEach(
        (id, answer) ->
            answer
                .wrong()
                .forEach(
                    m ->
                        rows.add(
                            List.of(
                                Console.oneLine(id),
                                m.field(),
                                Console.oneLine(m.expected()),
                                Console.oneLine(m.got())))));
    List<String> lines = new ArrayList<>();
    if (!rows.isEmpty()) {
      rows.add(0, List.of("ID", "FIELD", "EXPECTED", "GOT"));
      lines.addAll(aligned(rows));
    }
    lines.add(answers.size() + " cases, " + wrong() + " wrong");
    return lines;
  }

  private static List<String> aligned(List<List<String>> rows) {
    int columns = rows.get(0).size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }
}
