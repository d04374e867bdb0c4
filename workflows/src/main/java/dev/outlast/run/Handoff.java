package dev.outlast.run;

/** What a fresh session is told when the one before it is gone. */
final class Handoff {

  private Handoff() {}

  static String afterLostSession(String prompt) {
    return "An earlier session of this task is lost, so you start without its conversation. Look at"
        + " the workspace first: some of the work may be done already; do not redo it. The task:\n\n"
        + prompt;
  }
}
