@stored
Feature: "Opened?" has three answers
  Since mail programs fetch every picture themselves, other systems send everybody down the path
  of those who opened (mautic#10245, #16263). Here a branch on opens names where those go of whom
  it cannot be known. Played by the real thing only: the rules in memory are told verdicts, and this is about
  how they come to be.

  Scenario: Yes, no, and unknowable
    Given the sequence welcome:
      """
      stage: lead
      steps:
        - {key: hello, email: hello}
        - key: opened
          wait_for: {event: open, of: hello, within: 3d, yes: thanks, no: again, unknowable: case}
        - {key: thanks, email: thanks, next: end}
        - {key: again, email: again, next: end}
        - {key: case, email: case, next: end}
      """
    And Ana, Bo and Cleo are leads
    When 1 day passes
    And Ana opens hello
    And a privacy proxy opens hello of Bo
    And 5 days pass
    Then Ana has got hello, thanks
    And Bo has got hello, case
    And Cleo has got hello, again
