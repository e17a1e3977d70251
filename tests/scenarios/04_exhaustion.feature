@stored
Feature: Who has read everything waits for more, in sight
  Elsewhere people at the end of a programme sit idle and nobody knows, and new steps never reach
  them (mautic#6445; Marketo's "exhausted"). Played by the real thing only: content is
  added by publishing.

  Scenario: New content reaches those at the end, and only what is new
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
      """
    And Ana and Bo are leads
    When 3 days pass
    Then Ana's run through welcome is exhausted
    When the sequence welcome is published anew:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: again, email: again}
      """
    And 2 days pass
    Then Ana and Bo have got hello, again
    And nobody got anything twice
