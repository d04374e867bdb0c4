package dev.outlast.worker.cli;

import dev.outlast.operator.Names;

/** An account as it is named on the command line: {@code claude/work}. */
record AccountName(String provider, String account) {

  /**
   * @throws CliException if the text is no such name
   */
  static AccountName of(String text) {
    int slash = text.indexOf('/');
    if (slash < 1 || slash == text.length() - 1) {
      throw new CliException(
          ExitCode.USAGE,
          "got \""
              + Console.oneLine(text)
              + "\"; expected a provider and an account, such as claude/work");
    }
    return new AccountName(text.substring(0, slash), text.substring(slash + 1));
  }

  String gateId() {
    return Names.gateId(provider, account);
  }
}
