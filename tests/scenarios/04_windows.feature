Feature: Emails arrive in the recipient's hours
  Windows that end before they begin are turned around, times move when daylight saving does, and
  nobody's holidays are known (mautic#10170, #2824, #15661, #17090).

  Scenario: A window is on the contact's own clock
    Given the sequence welcome:
      """
      stage: lead
      window: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "11:00"}
      steps:
        - {key: hello, email: hello}
      """
    And it is 2026-03-06 at 20:00
    And Ana is a lead, with:
      """
      timezone: Asia/Ho_Chi_Minh
      """
    And Bo is a lead, with:
      """
      timezone: Europe/Berlin
      """
    When 5 days pass
    Then Ana got hello on 2026-03-09 at 09:00
    And Bo got hello on 2026-03-09 at 15:00

  Scenario: Where the contact's zone is not known, the company's is asked
    Given the sequence welcome:
      """
      stage: lead
      window: {from: "09:00", to: "11:00"}
      steps:
        - {key: hello, email: hello}
      """
    And Ana is a lead, with:
      """
      timezone: ""
      fields: {company_timezone: Asia/Tokyo}
      """
    When 2 days pass
    Then Ana got hello on 2026-03-03 at 07:00

  Scenario: A window may run overnight
    Given the sequence welcome:
      """
      stage: lead
      window: {days: [mon], from: "22:00", to: "02:00"}
      steps:
        - {key: hello, email: hello}
        - {key: pause, wait: 3h}
        - {key: again, email: again}
      """
    And Ana is a lead
    When 9 days pass
    Then Ana got hello on 2026-03-02 at 22:00
    And Ana got again on 2026-03-03 at 01:00

  Scenario: An hour that daylight saving skips is the first after it
    Given the sequence welcome:
      """
      stage: lead
      window: {from: "02:30", to: "05:00"}
      steps:
        - {key: hello, email: hello}
      """
    And it is 2026-03-28 at 20:00
    And Ana is a lead, with:
      """
      timezone: Europe/Berlin
      """
    When 2 days pass
    Then Ana got hello on 2026-03-29 at 08:00

  Scenario: Nothing goes out on a holiday
    Given the funnel says:
      """
      holidays: ["2026-03-03", "2026-03-04"]
      """
    And the sequence welcome:
      """
      stage: lead
      window: {from: "09:00", to: "11:00"}
      steps:
        - {key: hello, email: hello}
      """
    And it is 2026-03-02 at 12:00
    And Ana is a lead
    When 5 days pass
    Then Ana got hello on 2026-03-05 at 09:00

  Scenario: What somebody ordered goes at once, on a holiday and at night, unless its own window says otherwise
    Given the funnel says:
      """
      window: {from: "09:00", to: "11:00"}
      holidays: [2026-03-03]
      topics:
        - {key: marketing, name: {vi: Thư, en: Letters}}
        - {key: orders, name: {vi: Đơn, en: Orders}, transactional: true}
      """
    And the sequence receipt:
      """
      trigger: {event: order}
      steps:
        - {key: paid, email: receipt, topic: orders}
        - {key: more, email: offer}
      """
    And the sequence pickup:
      """
      trigger: {event: order}
      window: {from: "08:00", to: "20:00"}
      steps:
        - {key: ready, email: ready, topic: orders}
      """
    And it is 2026-03-03 at 21:00
    And Ana is a lead
    When Ana does order
    And 3 days pass
    Then Ana got receipt on 2026-03-03 at 21:00
    And Ana got ready on 2026-03-04 at 08:00
    And Ana got offer on 2026-03-04 at 09:00
