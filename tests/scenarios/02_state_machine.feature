Feature: One run in each stage, and never both branches
  Other systems run both paths of a decision, because a time-out and the answer race, and leave
  contacts in two campaigns at once (mautic#1454, #2210, #7323, #9797). Here one commit wins,
  a move closes what was, and a timer that fires twice changes nothing.

  Background:
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - {key: answer, wait_for: {event: click, of: hello, within: 5d, yes: thanks, no: again}}
        - {key: thanks, email: thanks, next: end}
        - {key: again, email: again}
      """
    And the sequence deepen:
      """
      stage: mql
      steps:
        - {key: case, email: case}
        - {key: pause, wait: 3d}
        - {key: offer, email: offer}
      """
    And Ana and Bo are leads

  Scenario: Who answers in time takes the one path, who does not the other
    When 2 days pass
    And Ana clicks in hello
    And 20 days pass
    Then Ana has got hello, thanks
    And Bo has got hello, again
    And nobody got anything twice

  Scenario: An answer after the deadline scores and opens no second path
    When 6 days pass
    And Ana clicks in hello
    And 20 days pass
    Then Ana has got hello, again
    And Ana's run through welcome is exhausted

  Scenario: A move closes the run that was, and opens the next
    When 1 day passes
    And Ana does form
    Then Ana stands in mql
    And Ana has got hello, case
    And Ana's run through welcome is moved, to deepen
    And Ana's run through deepen is waiting at pause

  Scenario: A move cancels what was not sent yet
    When 4 days pass
    And Ana does form
    And 2 days pass
    Then Ana has got hello, case
    And Bo has got hello, again
