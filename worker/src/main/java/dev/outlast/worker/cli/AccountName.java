package dev.outlast.worker.cli;

import dev.outlast.activities.provider.Providers;
import dev.outlast.operator.Names;
import dev.outlast.worker.config.Suggestion;
import java.util.Comparator;
import java.util.Optional;

/** An account as it is named on the command line: {@code claude/work}. */
record AccountName(String provider, String account) implements Comparable<AccountName> {

  private static final Comparator<AccountName> ORDER =
      Comparator.comparing(AccountName::provider).thenComparing(AccountName::account);

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
    String provider = text.substring(0, slash);
    if (!Providers.names().contains(provider)) {
      throw new CliException(
          ExitCode.USAGE,
          "got \""
              + Console.oneLine(text)
              + "\"; there is no provider \""
              + Console.oneLine(provider)
              + "\""
              + Suggestion.didYouMean(provider, Providers.names())
              + "; expected one of "
              + String.join(", ", Providers.names()));
    }
    return new AccountName(provider, text.substring(slash + 1));
  }

  /** Whose gate has this workflow id; empty if it is none's. */
  static Optional<AccountName> ofGate(String workflowId) {
    return Providers.names().stream()
        .filter(provider -> workflowId.startsWith(Names.gateId(provider, "")))
        .map(
            provider ->
                new AccountName(
                    provider, workflowId.substring(Names.gateId(provider, "").length())))
        .filter(name -> !name.account().isEmpty())
        .findFirst();
  }

  String gateId() {
    return Names.gateId(provider, account);
  }

  @Override
  public int compareTo(AccountName other) {
    return ORDER.compare(this, other);
  }

  /** As it is written, on one line and harmless. */
  @Override
  public String toString() {
    return Console.oneLine(provider + "/" + account);
  }
}
