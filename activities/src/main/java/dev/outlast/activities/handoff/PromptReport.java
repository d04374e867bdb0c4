package dev.outlast.activities.handoff;

import dev.outlast.activities.process.PlainText;

/**
 * A prompt taken apart: the report of a session before, and the rest.
 *
 * @param report without its frame, and without how the workspace stood then; empty if there is none
 * @param rest the prompt, with a few words in the place of the report
 */
record PromptReport(String report, String rest) {

  private static final String PLACE = "(a report like this one stood here)";

  /** Takes a prompt apart. Of several reports, which no run writes, the first counts. */
  static PromptReport in(String prompt) {
    int begin = prompt.indexOf(SessionReport.BEGIN + "\n");
    int end = begin < 0 ? -1 : prompt.indexOf("\n" + SessionReport.END, begin);
    if (end < 0) {
      return new PromptReport("", prompt);
    }
    StringBuilder report = new StringBuilder();
    boolean stale = false;
    boolean frame = true;
    String body = prompt.substring(begin + SessionReport.BEGIN.length() + 1, end);
    for (String line : body.split("\n")) {
      boolean quoted = line.startsWith(ReportText.QUOTE.strip());
      stale = quoted ? stale : line.startsWith(SessionReport.WORKSPACE);
      // The first line says how to read it, which the new one says too.
      if (!stale && !frame) {
        report.append(line).append('\n');
      }
      frame = false;
    }
    return new PromptReport(
        PlainText.head(report.toString().strip(), Story.MAX_REPORT),
        prompt.substring(0, begin)
            + PLACE
            + prompt.substring(end + 1 + SessionReport.END.length()));
  }
}
