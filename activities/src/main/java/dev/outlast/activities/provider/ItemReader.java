package dev.outlast.activities.provider;

import dev.outlast.activities.process.OutputLine;

/**
 * Turns the output of one invocation into items, line by line, as it is printed or long after. An
 * item may be given several times, each time with all that is known of it then; the last one
 * counts. Never throws, on any bytes, and keeps a bounded part of them. Not thread-safe.
 */
public interface ItemReader {

  /** Takes the next line of standard output. */
  void stdout(OutputLine line);

  /** Takes the next line of standard error. */
  void stderr(OutputLine line);

  /** Nothing follows: gives what has been held back. */
  void end();
}
