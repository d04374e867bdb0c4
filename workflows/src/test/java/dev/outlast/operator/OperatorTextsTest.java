package dev.outlast.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class OperatorTextsTest {

  @Test
  void a_timer_is_never_labelled_with_a_minute_before_its_end() {
    assertEquals(
        "claude/work session limit: resumes 2026-11-21T15:00Z",
        OperatorTexts.timerSummary(
            "claude", "work", "session", Instant.parse("2026-11-21T14:59:01Z")));
    assertEquals(
        "claude/work usage limit: resumes 2026-11-21T15:00Z",
        OperatorTexts.timerSummary(
            "claude", "work", "unknown", Instant.parse("2026-11-21T15:00:00Z")));
  }

  @Test
  void names_cannot_smuggle_markdown_control_or_bidirectional_characters() {
    assertEquals(
        "a?b?c??d? ?e", OperatorTexts.plain("a*b[c]\u202ed\u001b \ne".replace("\n", "\n")));
    assertTrue(OperatorTexts.plain("x".repeat(1_000)).length() <= 80);
  }

  @Test
  void a_summary_fits_what_temporal_keeps() {
    String summary = OperatorTexts.summary("ä".repeat(90), "ä".repeat(90), "ä".repeat(90));
    assertTrue(summary.length() <= OperatorTexts.MAX_SUMMARY);
    assertEquals("claude · work · nightly", OperatorTexts.summary("claude", "work", "nightly"));
  }

  @Test
  void every_error_has_a_code_of_its_own() {
    assertEquals(
        ErrorCode.values().length,
        Arrays.stream(ErrorCode.values()).map(ErrorCode::code).collect(Collectors.toSet()).size());
  }

  @Test
  void a_reason_that_names_the_account_itself_is_not_told_as_another_ones() {
    assertEquals("the account, which is closed", OperatorTexts.account(null));
    assertEquals("the account: session limit", OperatorTexts.account("the account: session limit"));
    assertEquals("the account, which is kept", OperatorTexts.account("the account is kept"));
    assertEquals("the account: 4 of 4 at work", OperatorTexts.account("4 of 4 at work"));
  }
}
