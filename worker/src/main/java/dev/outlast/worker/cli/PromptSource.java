package dev.outlast.worker.cli;

import dev.outlast.run.AgentRunRequest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where a prompt comes from: the command line, standard input or a file. */
final class PromptSource {

  private PromptSource() {}

  /**
   * @param prompt the text, or {@code -} for standard input; null if none was given
   * @param file null if none was given
   * @throws CliException with {@link ExitCode#USAGE} if there is no prompt, or more than one
   */
  static String read(Console console, String prompt, Path file) {
    if (prompt != null && file != null) {
      throw usage("give the prompt or --file, not both");
    }
    if (prompt == null && file == null) {
      throw usage("no prompt; give it in quotes, or - to read standard input, or --file FILE");
    }
    String text = prompt;
    if (file != null) {
      text = readFile(console.currentDirectory().resolve(file));
    } else if (prompt.equals("-")) {
      text = readAll(console.in(), "standard input");
    }
    if (text.isBlank()) {
      throw usage("the prompt is empty; give a text");
    }
    return text;
  }

  private static String readFile(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return readAll(in, file.toString());
    } catch (IOException e) {
      throw usage("--file: " + file + " cannot be read (" + e + ")");
    }
  }

  private static String readAll(InputStream in, String name) {
    try {
      byte[] bytes = in.readNBytes(AgentRunRequest.MAX_PROMPT_BYTES + 1);
      if (bytes.length > AgentRunRequest.MAX_PROMPT_BYTES) {
        throw usage(
            "the prompt of "
                + name
                + " is longer than "
                + AgentRunRequest.MAX_PROMPT_BYTES
                + " bytes; put it into a file of the workspace and name the file in the prompt");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw usage("the prompt cannot be read from " + name + " (" + e + ")");
    }
  }

  private static CliException usage(String message) {
    return new CliException(ExitCode.USAGE, message);
  }
}
