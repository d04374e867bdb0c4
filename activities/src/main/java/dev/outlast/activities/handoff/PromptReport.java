package dev.outlast.activities.handoff;

import dev.outlast.activities.process.PlainText;

/**
 * A prompt taken apart: the reports of sessions before, and the rest.
 *
 * @param report all of them without their frames, and without how the workspace stood then, the
 *     last one first; empty if there is none
 * @param rest the prompt, with a few words in the place of each report
 */
record PromptReport(String report, String rest) {

  private static final String PLACE = "(a report like this one stood here)";

  /** Takes a prompt apart. */
  static PromptReport in(String prompt) {
    StringBuilder rest = new StringBuilder();
    String reports = "";
    int from = 0;
    while (true) {
      int begin = prompt.indexOf(SessionReport.BEGIN + "\n", from);
      int end = begin < 0 ? -1 : prompt.indexOf("\n" + SessionReport.END, begin);
      if (end < 0) {
        return new PromptReport(reports, rest.append(prompt, from, prompt.length()).toString());
      }
      String body = prompt.substring(begin + SessionReport.BEGIN.length() + 1, end + 1);
      reports = PlainText.head(lasting(body) + reports, Story.MAX_REPORT);
      rest.append(prompt, from, begin).append(PLACE);
      from = end + 1 + SessionReport.END.length();
    }
  }

  /** What of a report does not say how to read it, which the next one does, and is not stale. */
  private static String lasting(String body) {
    StringBuilder lasting = new StringBuilder();
    boolean stale = false;
    boolean how = true;
    for (String line : body.split("\n")) {
      boolean quoted = line.startsWith(ReportText.QUOTE.strip());
      stale = quoted ? stale : line.startsWith(SessionReport.WORKSPACE);
      if (!stale && !how) {
        lasting.append(line).append('\n');
      }
      how = false;
    }
    return lasting.toString();
  }
}
