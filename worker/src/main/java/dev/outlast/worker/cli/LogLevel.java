package dev.outlast.worker.cli;

/** How much is logged. The logging configuration reads the property when logging is first used. */
final class LogLevel {

  private static final String PROPERTY = "outlast.log";

  private LogLevel() {}

  /** For commands that run as a service; others log warnings only. Call it before anything logs. */
  static void forServices() {
    if (System.getProperty(PROPERTY) == null) {
      System.setProperty(PROPERTY, "INFO");
    }
  }
}
